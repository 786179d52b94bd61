// The interactive 3D scene: all variants side by side, one camera, one scale. Plain WebGL 2, no library.
(() => {
  "use strict";
  const root = document.getElementById("scene");
  const data = JSON.parse(document.getElementById("scene-data").textContent);
  const stage = root.querySelector(".stage");
  const canvas = root.querySelector("canvas");
  const overlay = root.querySelector(".overlay");
  const tip = root.querySelector(".tip");
  const gl = canvas.getContext("webgl2", { antialias: true, alpha: false });
  if (!gl) {
    root.querySelector(".controls").hidden = true;
    stage.hidden = true;
    root.querySelector(".unsupported").hidden = false;
    return;
  }

  // ---- vectors -------------------------------------------------------------------------------------------------
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
  const minus = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
  const along = (a, s, b) => [a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]];

  // ---- data: base64 of little-endian 16 or 32 bit integers, quantised between stated limits ---------------------
  const decode = (text, Type) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Type(bytes.buffer);
  };
  const dequantise = (packed, low, high, size) => {
    const raw = decode(packed, Uint16Array);
    const values = new Float32Array(raw.length);
    for (let i = 0; i < raw.length; i++) values[i] = low[i % size] + (raw[i] / 65535) * (high[i % size] - low[i % size]);
    return values;
  };
  const pointsOf = (packed) => dequantise(packed, data.box.low, data.box.high, 3);
  const valuesOf = (entry) => dequantise(entry.packed, [entry.low], [entry.high], 1);

  const normalsOf = (points, triangles) => {
    const normals = new Float32Array(points.length);
    const corner = (i) => [points[3 * i], points[3 * i + 1], points[3 * i + 2]];
    for (let t = 0; t < triangles.length; t += 3) {
      const [a, b, c] = [triangles[t], triangles[t + 1], triangles[t + 2]];
      const n = cross(minus(corner(b), corner(a)), minus(corner(c), corner(a)));
      for (const i of [a, b, c]) for (let k = 0; k < 3; k++) normals[3 * i + k] += n[k];
    }
    for (let i = 0; i < normals.length; i += 3) {
      const size = Math.hypot(normals[i], normals[i + 1], normals[i + 2]) || 1;
      for (let k = 0; k < 3; k++) normals[i + k] /= size;
    }
    return normals;
  };

  // ---- shaders ---------------------------------------------------------------------------------------------------
  const VIEW = `#version 300 es
    precision highp float;
    uniform vec3 right, up, back, focus;
    uniform vec2 halfSize;
    vec3 place(vec3 p) { vec3 d = p - focus; return vec3(dot(d, right), dot(d, up), dot(d, back)); }
    vec4 clip(vec3 q) { return vec4(q.xy / halfSize, -q.z / (40.0 * halfSize.y), 1.0); }`;
  const SURFACE_VERTEX = `${VIEW}
    in vec3 point, normal; in float value;
    out vec3 n; out float v;
    void main() { n = vec3(dot(normal, right), dot(normal, up), dot(normal, back)); v = value; gl_Position = clip(place(point)); }`;
  const SURFACE_FRAGMENT = `#version 300 es
    precision highp float;
    uniform sampler2D colours; uniform vec2 limits; uniform float ghost;
    in vec3 n; in float v; out vec4 colour;
    void main() {
      float facing = abs(normalize(n).z);
      if (ghost > 0.5) { colour = vec4(0.45, 0.52, 0.62, 0.05 + 0.30 * pow(1.0 - facing, 2.0)); return; }
      vec3 base = texture(colours, vec2((v - limits.x) / (limits.y - limits.x), 0.5)).rgb;
      colour = vec4(base * (0.42 + 0.60 * facing), 1.0);
    }`;
  const LINE_VERTEX = `${VIEW}
    in vec3 begin, end; in float beginValue, endValue; in vec2 corner;
    uniform float halfWidth;
    out float v; out float across;
    void main() {
      vec3 a = place(begin), b = place(end);
      vec2 d = b.xy - a.xy; float size = length(d);
      vec2 t = size > 0.0 ? d / size : vec2(1.0, 0.0);
      vec3 q = mix(a, b, corner.x);
      q.xy += halfWidth * (corner.y * vec2(-t.y, t.x) + (2.0 * corner.x - 1.0) * 0.3 * t);
      v = mix(beginValue, endValue, corner.x); across = corner.y;
      gl_Position = clip(q);
    }`;
  const LINE_FRAGMENT = `#version 300 es
    precision highp float;
    uniform sampler2D colours; uniform vec2 limits;
    in float v, across; out vec4 colour;
    void main() {
      vec3 base = texture(colours, vec2((v - limits.x) / (limits.y - limits.x), 0.5)).rgb;
      colour = vec4(base * (0.62 + 0.42 * sqrt(max(0.0, 1.0 - across * across))), 1.0);
    }`;
  const build = (vertex, fragment) => {
    const program = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
    const uniforms = {};
    const count = gl.getProgramParameter(program, gl.ACTIVE_UNIFORMS);
    for (let i = 0; i < count; i++) {
      const name = gl.getActiveUniform(program, i).name;
      uniforms[name] = gl.getUniformLocation(program, name);
    }
    return { program, uniforms };
  };
  const surfaceProgram = build(SURFACE_VERTEX, SURFACE_FRAGMENT);
  const lineProgram = build(LINE_VERTEX, LINE_FRAGMENT);

  // ---- buffers ---------------------------------------------------------------------------------------------------
  const fill = (values, target = gl.ARRAY_BUFFER) => {
    const buffer = gl.createBuffer();
    gl.bindBuffer(target, buffer);
    gl.bufferData(target, values, gl.STATIC_DRAW);
    return buffer;
  };
  const attach = (program, name, buffer, size, { offset = 0, each = 0 } = {}) => {
    const place = gl.getAttribLocation(program, name);
    if (place < 0) return;
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.enableVertexAttribArray(place);
    gl.vertexAttribPointer(place, size, gl.FLOAT, false, 0, offset);
    gl.vertexAttribDivisor(place, each);
  };
  const loadSurface = (entry) => {
    const points = pointsOf(entry.points);
    const triangles = decode(entry.triangles, Uint32Array);
    const shared = { points: fill(points), normals: fill(normalsOf(points, triangles)) };
    const arrays = {}, values = {};
    for (const [field, packed] of Object.entries(entry.values)) {
      values[field] = valuesOf(packed);
      arrays[field] = gl.createVertexArray();
      gl.bindVertexArray(arrays[field]);
      attach(surfaceProgram.program, "point", shared.points, 3);
      attach(surfaceProgram.program, "normal", shared.normals, 3);
      attach(surfaceProgram.program, "value", fill(values[field]), 1);
      fill(triangles, gl.ELEMENT_ARRAY_BUFFER);
    }
    gl.bindVertexArray(null);
    return { points, values, arrays, count: triangles.length };
  };
  const loadLines = (entry) => {
    // A segment joins a point with the next one; points that end a line are left out of the list of segments.
    const points = pointsOf(entry.points), values = valuesOf(entry.values.velocity);
    const ends = new Set(decode(entry.ends, Uint32Array));
    const segments = [], ranks = [];
    for (let i = 0; i + 1 < values.length; i++) {
      if (ends.has(i)) continue;
      segments.push(...points.subarray(3 * i, 3 * i + 6));
      ranks.push(values[i], values[i + 1]);
    }
    const array = gl.createVertexArray();
    gl.bindVertexArray(array);
    const interleave = (name, buffer, size, offset) => {
      const place = gl.getAttribLocation(lineProgram.program, name);
      gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
      gl.enableVertexAttribArray(place);
      gl.vertexAttribPointer(place, size, gl.FLOAT, false, 8 * size, 4 * offset);
      gl.vertexAttribDivisor(place, 1);
    };
    const pointBuffer = fill(new Float32Array(segments)), valueBuffer = fill(new Float32Array(ranks));
    interleave("begin", pointBuffer, 3, 0);
    interleave("end", pointBuffer, 3, 3);
    interleave("beginValue", valueBuffer, 1, 0);
    interleave("endValue", valueBuffer, 1, 1);
    attach(lineProgram.program, "corner", fill(new Float32Array([0, -1, 1, -1, 0, 1, 1, 1])), 2);
    gl.bindVertexArray(null);
    return { points, values: { velocity: values }, array, count: ranks.length / 2 };
  };
  const variants = data.variants.map((entry) => ({
    ...entry,
    shown: true,
    lumen: loadSurface(entry.lumen),
    wall: loadSurface(entry.wall),
    lines: loadLines(entry.streamlines),
  }));
  const carrier = (variant, field) => variant[{ pressure: "lumen", velocity: "lines" }[field] || "wall"];

  const textures = {};
  for (const field of data.fields) {
    const pixels = new Uint8Array(field.colours.flatMap((c) => [1, 3, 5].map((i) => parseInt(c.slice(i, i + 2), 16)).concat(255)));
    textures[field.key] = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, textures[field.key]);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, field.colours.length, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, pixels);
    for (const [what, how] of [["MIN_FILTER", "LINEAR"], ["MAG_FILTER", "LINEAR"], ["WRAP_S", "CLAMP_TO_EDGE"], ["WRAP_T", "CLAMP_TO_EDGE"]]) {
      gl.texParameteri(gl.TEXTURE_2D, gl[`TEXTURE_${what}`], gl[how]);
    }
  }

  // ---- camera: a turntable, so that the head stays up ------------------------------------------------------------
  const start = () => {
    const back = data.camera.direction.map((x) => -x);
    return { turn: Math.atan2(back[1], back[0]), tilt: Math.asin(back[2]), zoom: 1, focus: [...data.camera.focus] };
  };
  let camera = start();
  let field = data.fields[0];
  const frame = () => {
    const { turn, tilt } = camera;
    const back = [Math.cos(turn) * Math.cos(tilt), Math.sin(turn) * Math.cos(tilt), Math.sin(tilt)];
    const right = [-Math.sin(turn), Math.cos(turn), 0];
    return { right, up: cross(back, right), back };
  };
  const HEAD = 24; // pixels above each picture that hold the variant's name
  const shown = () => variants.filter((variant) => variant.shown);
  const layout = () => {
    const width = stage.clientWidth, list = shown();
    const columns = Math.max(1, Math.min(list.length, Math.floor(width / 200)));
    const rows = Math.ceil(list.length / columns);
    const cellWidth = width / columns, aspect = data.camera.halfWidth / data.camera.halfHeight;
    const cellHeight = Math.round(Math.min(560, Math.max(300, cellWidth / aspect)));
    return list.map((variant, i) => ({
      variant, left: (i % columns) * cellWidth, top: HEAD + Math.floor(i / columns) * (cellHeight + HEAD),
      width: cellWidth, height: cellHeight, whole: (cellHeight + HEAD) * rows,
    }));
  };
  const halfSize = (cell) => {
    const height = Math.max(data.camera.halfHeight, data.camera.halfWidth * cell.height / cell.width) / camera.zoom;
    return [height * cell.width / cell.height, height];
  };
  const project = (point, cell, axes) => {
    const [halfWidth, halfHeight] = halfSize(cell), d = minus(point, camera.focus);
    return [
      cell.left + cell.width * (0.5 + 0.5 * dot(d, axes.right) / halfWidth),
      cell.top + cell.height * (0.5 - 0.5 * dot(d, axes.up) / halfHeight),
      dot(d, axes.back),
    ];
  };

  // ---- drawing ---------------------------------------------------------------------------------------------------
  let waiting = false;
  const refresh = () => {
    if (!waiting) { waiting = true; requestAnimationFrame(draw); }
  };
  const use = ({ program, uniforms }, cell, axes) => {
    gl.useProgram(program);
    gl.uniform3fv(uniforms.right, axes.right);
    gl.uniform3fv(uniforms.up, axes.up);
    gl.uniform3fv(uniforms.back, axes.back);
    gl.uniform3fv(uniforms.focus, camera.focus);
    gl.uniform2fv(uniforms.halfSize, halfSize(cell));
    gl.uniform2f(uniforms.limits, field.low, field.high);
    return uniforms;
  };
  function draw() {
    waiting = false;
    const cells = layout(), axes = frame(), ratio = Math.min(2, window.devicePixelRatio || 1);
    const height = cells.length ? cells[0].whole : 120;
    canvas.width = Math.round(stage.clientWidth * ratio);
    canvas.height = Math.round(height * ratio);
    stage.style.height = `${height}px`;
    gl.clearColor(1, 1, 1, 1);
    gl.disable(gl.SCISSOR_TEST);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.enable(gl.DEPTH_TEST);
    gl.bindTexture(gl.TEXTURE_2D, textures[field.key]);
    for (const cell of cells) {
      gl.viewport(cell.left * ratio, canvas.height - (cell.top + cell.height) * ratio, cell.width * ratio, cell.height * ratio);
      gl.enable(gl.SCISSOR_TEST);
      gl.scissor(cell.left * ratio, canvas.height - (cell.top + cell.height) * ratio, cell.width * ratio, cell.height * ratio);
      const velocity = field.key === "velocity";
      if (velocity) {
        const uniforms = use(lineProgram, cell, axes);
        gl.uniform1f(uniforms.halfWidth, 0.0032 * data.camera.halfHeight);
        gl.bindVertexArray(cell.variant.lines.array);
        gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, cell.variant.lines.count);
        gl.enable(gl.BLEND);
        gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
        gl.depthMask(false);
      }
      const mesh = velocity ? cell.variant.wall : carrier(cell.variant, field.key);
      const uniforms = use(surfaceProgram, cell, axes);
      gl.uniform1f(uniforms.ghost, velocity ? 1 : 0);
      gl.bindVertexArray(mesh.arrays[velocity ? "tawss" : field.key]);
      gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_INT, 0);
      gl.disable(gl.BLEND);
      gl.depthMask(true);
    }
    write(cells, axes);
  }
  const element = (className, text) => {
    const node = document.createElement("div");
    node.className = className;
    node.textContent = text;
    return node;
  };
  function write(cells, axes) {
    overlay.replaceChildren();
    const withLabels = root.querySelector("[name=labels]").checked;
    for (const cell of cells) {
      const title = element("name", cell.variant.title);
      title.style.cssText = `left:${cell.left}px;top:${cell.top - HEAD}px;width:${cell.width}px;color:${cell.variant.colour}`;
      overlay.append(title);
      if (!withLabels) continue;
      for (const opening of cell.variant.openings) {
        const [x, y] = project(along(opening.centre, 0.06 * data.camera.halfHeight, opening.normal), cell, axes);
        if (x < cell.left || x > cell.left + cell.width || y < cell.top || y > cell.top + cell.height) continue;
        const label = element("opening", opening.title);
        label.style.left = `${x}px`;
        label.style.top = `${y}px`;
        overlay.append(label);
        const half = label.offsetWidth / 2;
        label.style.left = `${Math.min(Math.max(x, cell.left + half + 2), cell.left + cell.width - half - 2)}px`;
      }
    }
    root.querySelector(".bar").style.background = `linear-gradient(90deg,${field.colours.join(",")})`;
    root.querySelector(".bar-title").textContent = field.label;
    root.querySelector(".ticks").replaceChildren(...field.ticks.map((tick) => {
      const node = element("tick", String(Number(tick.toPrecision(6))));
      node.style.left = `${(100 * (tick - field.low)) / (field.high - field.low)}%`;
      return node;
    }));
  }

  // ---- probe: the value under the pointer, and at the same place in the other variants ---------------------------
  const nearest = (mesh, distance) => {
    let best = -1, least = Infinity;
    for (let i = 0; i < mesh.points.length / 3; i++) {
      const d = distance([mesh.points[3 * i], mesh.points[3 * i + 1], mesh.points[3 * i + 2]]);
      if (d < least) { least = d; best = i; }
    }
    return { index: best, distance: least };
  };
  const probe = (x, y) => {
    const axes = frame();
    const cell = layout().find((c) => x >= c.left && x < c.left + c.width && y >= c.top && y < c.top + c.height);
    if (!cell) return null;
    const mesh = carrier(cell.variant, field.key), depth = 2 * data.camera.halfHeight;
    const hit = nearest(mesh, (p) => {
      const [px, py, pz] = project(p, cell, axes), away = Math.hypot(px - x, py - y);
      // Of what lies under the pointer, the point that is nearest to the eye.
      return away > 7 ? Infinity : away - (40 * pz) / depth;
    });
    if (hit.index < 0 || hit.distance === Infinity) return null;
    const point = [...mesh.points.subarray(3 * hit.index, 3 * hit.index + 3)];
    return shown().map((variant) => {
      const other = carrier(variant, field.key);
      const found = nearest(other, (p) => Math.hypot(...minus(p, point)));
      const reach = 0.05 * data.camera.halfHeight;
      return { variant, value: found.distance < reach ? other.values[field.key][found.index] : null };
    });
  };
  const tell = (event) => {
    const bounds = stage.getBoundingClientRect();
    const x = event.clientX - bounds.left, y = event.clientY - bounds.top;
    const found = probe(x, y);
    tip.hidden = !found;
    if (!found) return;
    tip.replaceChildren(...found.map(({ variant, value }) => {
      const text = value === null ? "no vessel here" : `${Number(value.toPrecision(3))} ${field.unit}`;
      const node = element("", `${variant.title}: ${text}`);
      node.style.color = variant.colour;
      return node;
    }));
    tip.style.left = `${Math.min(x + 14, stage.clientWidth - tip.offsetWidth - 4)}px`;
    tip.style.top = `${y + 14}px`;
  };

  // ---- hands -----------------------------------------------------------------------------------------------------
  const turnBy = (across, upward) => {
    camera.turn -= across;
    camera.tilt = Math.min(1.55, Math.max(-1.55, camera.tilt + upward));
    refresh();
  };
  const zoomBy = (factor) => {
    camera.zoom = Math.min(12, Math.max(0.4, camera.zoom * factor));
    refresh();
  };
  let held = null;
  stage.addEventListener("pointerdown", (event) => {
    held = { x: event.clientX, y: event.clientY, pan: event.shiftKey || event.button === 2 };
    stage.setPointerCapture(event.pointerId);
    tip.hidden = true;
  });
  stage.addEventListener("pointermove", (event) => {
    if (!held) { tell(event); return; }
    const dx = event.clientX - held.x, dy = event.clientY - held.y;
    [held.x, held.y] = [event.clientX, event.clientY];
    if (held.pan) {
      const axes = frame(), cell = layout()[0], metre = (2 * halfSize(cell)[1]) / cell.height;
      camera.focus = along(along(camera.focus, -dx * metre, axes.right), dy * metre, axes.up);
      refresh();
    } else turnBy(0.009 * dx, 0.009 * dy);
  });
  for (const end of ["pointerup", "pointercancel"]) stage.addEventListener(end, () => { held = null; });
  stage.addEventListener("pointerleave", () => { tip.hidden = true; });
  stage.addEventListener("contextmenu", (event) => event.preventDefault());
  stage.addEventListener("wheel", (event) => {
    // The page scrolls as usual until the scene has been clicked on.
    if (document.activeElement !== stage) return;
    event.preventDefault();
    zoomBy(Math.exp(-0.0015 * event.deltaY));
  }, { passive: false });
  stage.addEventListener("keydown", (event) => {
    const act = {
      ArrowLeft: () => turnBy(-0.1, 0), ArrowRight: () => turnBy(0.1, 0), ArrowUp: () => turnBy(0, -0.1),
      ArrowDown: () => turnBy(0, 0.1), "+": () => zoomBy(1.2), "-": () => zoomBy(1 / 1.2),
    }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  stage.addEventListener("dblclick", () => { camera = start(); refresh(); });
  root.querySelector(".controls").addEventListener("change", (event) => {
    const { name, value, checked } = event.target;
    if (name === "field") field = data.fields.find((entry) => entry.key === value);
    if (name === "variant") variants.find((variant) => variant.key === value).shown = checked;
    tip.hidden = true;
    refresh();
  });
  const toward = { front: Math.PI / 2, left: Math.PI, back: -Math.PI / 2, right: 0 };
  root.querySelector(".controls").addEventListener("click", (event) => {
    const act = event.target.dataset.act;
    if (!act) return;
    if (act === "reset") camera = start();
    else if (act === "in" || act === "out") zoomBy(act === "in" ? 1.25 : 0.8);
    else { camera.turn = toward[act]; camera.tilt = 0; }
    refresh();
  });
  new ResizeObserver(refresh).observe(root);
  refresh();
})();
