// The page: what the visitor chooses, and what is shown.
"use strict";

(() => {
  const $ = (id) => document.getElementById(id);
  const meta = JSON.parse($("meta").textContent);
  const { dim, channels, side } = meta;
  const classes = meta.classes || [];

  // ---- Weights ----

  // The first 16-bit floating-point numbers of an array as 32 bits.
  function toFloats(halves) {
    const bits = new Uint32Array(halves.length);
    for (let i = 0; i < halves.length; i++) {
      const half = halves[i], sign = (half & 0x8000) << 16;
      let exponent = half >> 10 & 31, fraction = half & 1023;
      if (exponent === 0 && fraction) {
        exponent = 1;
        while (!(fraction & 1024)) { fraction <<= 1; exponent--; }
        fraction &= 1023;
      } else if (exponent === 0) {
        bits[i] = sign;
        continue;
      }
      bits[i] = sign | exponent + 112 << 23 | fraction << 13;
    }
    return new Float32Array(bits.buffer);
  }

  function readModel() {
    const text = atob($("weights").textContent.trim()), bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    const values = toFloats(new Uint16Array(bytes.buffer, 0, meta.halves)), BLOCK = 32;
    // 8-bit weights: blocks of a 16-bit scale and 32 quotients.
    const quantized = ({ block, len }) => {
      const result = new Float32Array(len), size = BLOCK + 2;
      for (let i = 0, at = 2 * meta.halves + block * size; i < len; i += BLOCK, at += size) {
        const [scale] = toFloats(new Uint16Array([bytes[at] | bytes[at + 1] << 8]));
        for (let k = 0; k < BLOCK && i + k < len; k++) result[i + k] = scale * (bytes[at + 2 + k] << 24 >> 24);
      }
      return result;
    };
    // A tensor is named by its place and length in the file.
    const read = (value) => {
      if (Array.isArray(value)) return value.map(read);
      if (value && typeof value === "object") {
        if ("at" in value) return values.slice(value.at, value.at + value.len);
        if ("block" in value) return quantized(value);
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, read(inner)]));
      }
      return value;
    };
    return read(meta.model);
  }

  const model = readModel();
  $("weights").remove();
  const source = $("generator").textContent + "\n" + $("worker").textContent;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  worker.postMessage({ model });

  // ---- Requests ----

  let lastId = 0;
  const latest = {};
  const handlers = {};

  // Asks for the images of normal vectors; `show` is called with each of them.
  function generate(kind, y, components, show, shift) {
    const id = ++lastId;
    latest[kind] = id;
    handlers[kind] = show;
    worker.postMessage({ id, kind, y, components, shift });
  }

  function draw(seed, count) {
    return new Promise((resolve) => {
      handlers.drawn = resolve;
      latest.drawn = ++lastId;
      worker.postMessage({ id: lastId, draw: { seed, count } });
    });
  }

  worker.onmessage = ({ data }) => {
    if (data.kind === "ready") { sample(); return; }
    if (data.id === latest[data.kind]) handlers[data.kind](data.row === undefined ? data : data.row, data.image);
  };

  function paint(canvas, image) {
    canvas.width = canvas.height = side;
    const context = canvas.getContext("2d"), pixels = context.createImageData(side, side), plane = side * side;
    for (let i = 0; i < plane; i++) {
      for (let c = 0; c < 3; c++) {
        pixels.data[4 * i + c] = Math.round((image[(channels === 3 ? c : 0) * plane + i] + 1) * 127.5);
      }
      pixels.data[4 * i + 3] = 255;
    }
    context.putImageData(pixels, 0, 0);
  }

  const canvasOf = (label) => {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = side;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", label);
    return canvas;
  };

  // ---- State ----

  let samples = { y: new Float32Array(0), components: new Uint32Array(0) };
  let picked = [0, 1];
  let toPick = 0;

  const row = (index) => samples.y.slice(index * dim, (index + 1) * dim);
  const temperature = () => Number($("temperature").value);

  // ---- The grid ----

  async function sample() {
    const count = Number($("count").value);
    let seed = 1n;
    try { seed = BigInt($("seed").value.trim() || "1"); } catch { $("seed").value = "1"; }
    const drawn = await draw(seed, count);
    const chosen = $("component").value;
    if (chosen !== "") drawn.components.fill(Number(chosen));
    const warmth = temperature();
    for (let i = 0; i < drawn.y.length; i++) drawn.y[i] *= warmth;
    samples = drawn;
    picked = picked.map((index) => Math.min(index, count - 1));
    const grid = $("grid");
    grid.textContent = "";
    const cells = Array.from(drawn.components, (component, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.tabIndex = index === picked[0] ? 0 : -1;
      const kind = classes[component] ? `, ${classes[component]}` : "";
      button.append(canvasOf(`sample ${index + 1}${kind}`));
      button.addEventListener("click", () => pick(index));
      grid.append(button);
      return button;
    });
    const started = performance.now();
    $("status").textContent = "generating…";
    generate("grid", drawn.y, drawn.components, (index, image) => {
      paint(cells[index].firstChild, image);
      if (index + 1 === count) {
        const each = (performance.now() - started) / count;
        $("status").textContent = `${count} samples, ${each < 10 ? each.toFixed(1) : Math.round(each)} ms each`;
        document.body.dataset.done = String(++done);
      }
    });
    mark();
    showPicked();
  }
  let done = 0;

  function mark() {
    [...$("grid").children].forEach((button, index) => {
      button.dataset.picked = index === picked[0] ? "A" : index === picked[1] ? "B" : "";
      button.setAttribute("aria-pressed", String(picked.includes(index)));
    });
  }

  function pick(index) {
    picked[toPick] = index;
    if (toPick === 0 && picked[1] === index) picked[1] = (index + 1) % samples.components.length;
    toPick = 1 - toPick;
    mark();
    showPicked();
  }

  $("grid").addEventListener("keydown", (event) => {
    const buttons = [...$("grid").children], at = buttons.indexOf(document.activeElement);
    if (at < 0) return;
    const columns = Math.max(1, getComputedStyle($("grid")).gridTemplateColumns.split(" ").length);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns, Home: -at, End: buttons.length - 1 - at }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const to = Math.min(buttons.length - 1, Math.max(0, at + step));
    buttons[at].tabIndex = -1;
    buttons[to].tabIndex = 0;
    buttons[to].focus();
  });

  // ---- One sample, along the principal directions of the latents ----

  const directions = model.directions || [];
  const sliders = directions.map((_, index) => {
    const label = document.createElement("label"), slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: -3, max: 3, step: 0.05, value: 0 });
    slider.setAttribute("aria-label", `principal direction ${index + 1}, in standard deviations`);
    slider.addEventListener("input", showOne);
    label.append(`${index + 1}`, slider);
    $("sliders").append(label);
    return slider;
  });
  const one = canvasOf("the picked sample, changed by the sliders");
  $("one").append(one);

  function showOne() {
    const shift = new Float32Array(dim);
    directions.forEach((direction, k) => {
      for (let i = 0; i < dim; i++) shift[i] += Number(sliders[k].value) * direction[i];
    });
    generate("one", row(picked[0]), samples.components.slice(picked[0], picked[0] + 1), (_, image) => paint(one, image), shift);
  }

  $("reset").addEventListener("click", () => { sliders.forEach((slider) => { slider.value = 0; }); showOne(); });

  // ---- A plane of normal vectors through three samples ----

  // With weights on the sphere, a mixture of independent normal vectors is a normal vector again.
  const plane = canvasOf("the sample at the chosen point");
  $("plane-image").append(plane);
  let point = [0, 0];

  function showPlane() {
    const [a, b] = point, radius = Math.min(1, Math.hypot(a, b)), angle = radius * Math.PI / 2;
    const norm = Math.hypot(a, b) || 1;
    const weights = [Math.cos(angle), Math.sin(angle) * a / norm, Math.sin(angle) * b / norm];
    const count = samples.components.length;
    const rows = [row(picked[0]), row(picked[1]), row((picked[1] + 1) % count)];
    const y = new Float32Array(dim);
    for (let i = 0; i < dim; i++) y[i] = weights.reduce((sum, weight, k) => sum + weight * rows[k][i], 0);
    generate("plane", y, samples.components.slice(picked[0], picked[0] + 1), (_, image) => paint(plane, image));
    const pad = $("pad");
    pad.style.setProperty("--x", String((a + 1) / 2));
    pad.style.setProperty("--y", String((b + 1) / 2));
    pad.setAttribute("aria-valuetext", `${Math.round(100 * a)}, ${Math.round(100 * b)}`);
    pad.setAttribute("aria-valuenow", String(Math.round(100 * radius)));
  }

  function movePoint(a, b) {
    const length = Math.hypot(a, b);
    point = length > 1 ? [a / length, b / length] : [a, b];
    showPlane();
  }

  const toPoint = (event) => {
    const box = $("pad").getBoundingClientRect();
    movePoint(2 * (event.clientX - box.left) / box.width - 1, 2 * (event.clientY - box.top) / box.height - 1);
  };
  $("pad").addEventListener("pointerdown", (event) => { $("pad").setPointerCapture(event.pointerId); toPoint(event); });
  $("pad").addEventListener("pointermove", (event) => { if (event.buttons) toPoint(event); });
  $("pad").addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, -0.1], ArrowDown: [0, 0.1] }[event.key];
    if (!step) return;
    event.preventDefault();
    movePoint(point[0] + step[0], point[1] + step[1]);
  });

  // ---- From one picked sample to the other ----

  const STEPS = 9;
  const strip = Array.from({ length: STEPS }, (_, step) => canvasOf(`step ${step + 1} of ${STEPS} from A to B`));
  strip.forEach((canvas) => $("strip").append(canvas));

  function showStrip() {
    const [a, b] = picked.map(row);
    const [length, other] = [a, b].map((y) => Math.hypot(...y) || 1);
    const cosine = a.reduce((sum, value, i) => sum + value * b[i], 0) / (length * other);
    const angle = Math.acos(Math.min(1, Math.max(-1, cosine))), sine = Math.sin(angle);
    const y = new Float32Array(STEPS * dim), components = new Uint32Array(STEPS);
    for (let step = 0; step < STEPS; step++) {
      const t = step / (STEPS - 1);
      // Along a great circle, so that norms stay those of normal vectors.
      const [from, to] = sine < 1e-6 ? [1 - t, t] : [Math.sin((1 - t) * angle) / sine, Math.sin(t * angle) / sine];
      for (let i = 0; i < dim; i++) y[step * dim + i] = from * a[i] + to * b[i];
      // Between two components there is no path.
      components[step] = samples.components[picked[2 * step < STEPS ? 0 : 1]];
    }
    generate("strip", y, components, (step, image) => paint(strip[step], image));
  }

  function showPicked() {
    showOne();
    showPlane();
    showStrip();
  }

  // ---- Controls ----

  const count = model.coordinates ? model.coordinates.weights.length : 1;
  if (count > 1) {
    for (let k = 0; k < count; k++) {
      const option = document.createElement("option");
      option.value = String(k);
      option.textContent = classes[k] || `component ${k}`;
      $("component").append(option);
    }
  } else {
    $("component").parentElement.hidden = true;
  }

  let timer = 0;
  const soon = () => { clearTimeout(timer); timer = setTimeout(sample, 150); };
  ["seed", "count", "component"].forEach((id) => $(id).addEventListener("change", sample));
  $("temperature").addEventListener("input", () => {
    $("temperature-value").textContent = temperature().toFixed(2);
    soon();
  });
  $("new").addEventListener("click", () => {
    $("seed").value = String(crypto.getRandomValues(new Uint32Array(1))[0]);
    sample();
  });
  $("save").addEventListener("click", () => {
    const cells = [...$("grid").querySelectorAll("canvas")], columns = Math.ceil(Math.sqrt(cells.length)), step = side + 2;
    const image = document.createElement("canvas");
    image.width = columns * step - 2;
    image.height = Math.ceil(cells.length / columns) * step - 2;
    const context = image.getContext("2d");
    context.fillStyle = "white";
    context.fillRect(0, 0, image.width, image.height);
    cells.forEach((cell, i) => context.drawImage(cell, i % columns * step, Math.floor(i / columns) * step));
    const link = document.createElement("a");
    link.href = image.toDataURL("image/png");
    link.download = `${meta.name}-seed${$("seed").value}.png`;
    link.click();
  });
})();
