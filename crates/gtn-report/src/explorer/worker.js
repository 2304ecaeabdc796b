// Runs the generator beside the page, so that the page stays responsive. Requests are answered in the order of their arrival, except
// that a newer request of the same kind replaces an older one.
"use strict";

let model = null;
const waiting = new Map();
let isRunning = false;

function run() {
  if (isRunning) return;
  isRunning = true;
  const step = () => {
    const first = waiting.values().next().value;
    if (!first) { isRunning = false; return; }
    const { id, kind, y, components, shift } = first;
    if (!first.latents) {
      first.latents = Gtn.latents(model, y, components);
      if (shift) for (let i = 0; i < first.latents.length; i++) first.latents[i] += shift[i % model.dim];
      first.row = 0;
    }
    const row = first.row++, dim = model.dim;
    const image = Gtn.decode(model, first.latents.subarray(row * dim, (row + 1) * dim));
    self.postMessage({ id, kind, row, image }, [image.buffer]);
    if (first.row === components.length && waiting.get(kind) === first) waiting.delete(kind);
    setTimeout(step);
  };
  step();
}

self.onmessage = ({ data }) => {
  if (data.model) {
    model = data.model;
    self.postMessage({ kind: "ready" });
  } else if (data.draw) {
    const { seed, count } = data.draw;
    self.postMessage({ kind: "drawn", id: data.id, ...Gtn.draw(model, seed, count) });
  } else {
    waiting.delete(data.kind);
    if (data.components.length) waiting.set(data.kind, data);
    run();
  }
};
