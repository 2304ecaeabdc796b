// Runs the generator beside the page, so that the page stays responsive. The newest request is answered first, and
// replaces an older one of the same kind.
"use strict";

let model = null;
const waiting = new Map();
let isRunning = false;

function run() {
  if (isRunning) return;
  isRunning = true;
  const step = () => {
    const newest = [...waiting.values()].pop();
    if (!newest) { isRunning = false; return; }
    const { id, kind, y, components, shift } = newest;
    if (!newest.latents) {
      newest.latents = Gtn.latents(model, y, components);
      if (shift) for (let i = 0; i < newest.latents.length; i++) newest.latents[i] += shift[i % model.dim];
      newest.row = 0;
    }
    const row = newest.row++, dim = model.dim;
    const image = Gtn.decode(model, newest.latents.subarray(row * dim, (row + 1) * dim));
    self.postMessage({ id, kind, row, image }, [image.buffer]);
    if (newest.row === components.length && waiting.get(kind) === newest) waiting.delete(kind);
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
