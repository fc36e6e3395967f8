"use strict";
(async () => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const root = document.documentElement;
  const say = (en, zh) => (root.lang === "zh" ? zh : en);

  // Language: both texts stand in the page; the attribute of <html> decides which is shown.
  const language = (code) => {
    root.lang = code;
    for (const button of document.querySelectorAll("[data-language]")) {
      button.setAttribute("aria-pressed", String(button.dataset.language === code));
    }
    document.dispatchEvent(new Event("language"));
  };
  for (const button of document.querySelectorAll("[data-language]")) {
    button.addEventListener("click", () => language(button.dataset.language));
  }

  const types = { uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array };
  const unpack = async (layer) => {
    const bytes = Uint8Array.from(atob(layer.data), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new types[layer.type](await new Response(stream).arrayBuffer());
  };

  for (const map of page.maps) {
    const box = document.getElementById(map.id);
    const canvas = box.querySelector("canvas");
    const select = box.querySelector("select");
    const opacity = box.querySelector("input[type=range]");
    const value = box.querySelector("output");
    const legend = box.querySelector(".legend");
    const panel = box.querySelector(".series");
    const bar = box.querySelector(".scale");
    const context = canvas.getContext("2d");
    const cells = {};
    for (const layer of map.layers) cells[`${layer.kind} ${layer.when}`] = { ...layer, stored: await unpack(layer) };

    const number = (layer, i) => {
      const stored = layer.stored[i];
      return stored === layer.missing ? NaN : stored / layer.scale;
    };
    const hex = (text) => [1, 3, 5].map((i) => parseInt(text.slice(i, i + 2), 16));
    const colour = (ramp, v) => {
      if (Number.isNaN(v)) return [0, 0, 0, 0];
      let k = 0;
      while (k < ramp.length - 2 && v > ramp[k + 1][0]) k += 1;
      const [low, high] = [ramp[k], ramp[k + 1]];
      const share = Math.min(1, Math.max(0, (v - low[0]) / (high[0] - low[0])));
      const [a, b] = [hex(low[1]), hex(high[1])];
      return [0, 1, 2].map((i) => Math.round(a[i] + (b[i] - a[i]) * share)).concat(255);
    };
    const classes = Object.fromEntries(map.classes.map((c) => [c.code, c]));
    const at = (view, i) => {
      if (view.kind === "change") return number(cells[view.to], i) - number(cells[view.from], i);
      return number(cells[view.layer], i);
    };

    // One picture per view, made when it is first shown.
    const pictures = {};
    const picture = (view) => {
      if (!pictures[view.id]) {
        const image = new ImageData(map.width, map.height);
        for (let i = 0; i < map.width * map.height; i += 1) {
          let rgba;
          if (view.kind === "class") {
            const c = classes[cells[view.layer].stored[i]];
            rgba = c ? [...hex(c.colour), 255] : [0, 0, 0, 0];
          } else rgba = colour(view.ramp, at(view, i));
          image.data.set(rgba, 4 * i);
        }
        const off = document.createElement("canvas");
        off.width = map.width;
        off.height = map.height;
        off.getContext("2d").putImageData(image, 0, 0);
        pictures[view.id] = off;
      }
      return pictures[view.id];
    };

    const look = { scale: 1, x: 0, y: 0 };
    let chosen = null;
    const current = () => map.views.find((view) => view.id === select.value);
    const fit = () => {
      canvas.width = canvas.clientWidth * devicePixelRatio;
      canvas.height = (canvas.width * map.height) / map.width;
      look.scale = canvas.width / map.width;
      look.x = 0;
      look.y = 0;
    };
    const draw = () => {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, canvas.width, canvas.height);
      context.imageSmoothingEnabled = false;
      context.setTransform(look.scale, 0, 0, look.scale, look.x, look.y);
      context.globalAlpha = Number(opacity.value) / 100;
      context.drawImage(picture(current()), 0, 0);
      context.globalAlpha = 1;
      for (const zone of map.zones) {
        context.beginPath();
        for (const ring of zone.rings) ring.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
        context.lineWidth = (chosen && chosen.zone === zone.zone ? 3 : 1.5) * devicePixelRatio / look.scale;
        context.setLineDash(zone.reference ? [6 / look.scale, 4 / look.scale] : []);
        context.strokeStyle = "#111";
        context.stroke();
      }
      context.setLineDash([]);
      if (chosen && chosen.cell !== undefined) {
        context.lineWidth = 2 * devicePixelRatio / look.scale;
        context.strokeStyle = "#d00";
        context.strokeRect(chosen.cell % map.width, Math.floor(chosen.cell / map.width), 1, 1);
      }
      const metres = (100 / canvas.clientWidth) * (canvas.width / look.scale) * map.cell_m;
      const power = 10 ** Math.floor(Math.log10(metres));
      const round = [5, 2, 1].find((k) => k * power <= metres) * power;
      bar.style.width = `${(100 * round) / metres}px`;
      bar.textContent = round >= 1000 ? `${round / 1000} km` : `${round} m`;
    };
    const show = () => {
      const view = current();
      legend.replaceChildren();
      const rows = view.kind === "class"
        ? map.classes.filter((c) => c.code !== 0).map((c) => [c.colour, say(c.label, c.label_zh) + (c.note ? ` (${say(c.note, c.note_zh)})` : "")])
        : view.ramp.map(([, c, label]) => [c, label]);
      for (const [c, label] of rows) {
        const item = document.createElement("li");
        const patch = document.createElement("span");
        patch.className = "patch";
        patch.style.background = c;
        item.append(patch, label);
        legend.append(item);
      }
      draw();
    };

    const cell = (event) => {
      const place = canvas.getBoundingClientRect();
      const x = ((event.clientX - place.left) * canvas.width / place.width - look.x) / look.scale;
      const y = ((event.clientY - place.top) * canvas.height / place.height - look.y) / look.scale;
      if (x < 0 || y < 0 || x >= map.width || y >= map.height) return null;
      return Math.floor(y) * map.width + Math.floor(x);
    };
    const text = (view, i) => {
      if (view.kind === "class") {
        const c = classes[cells[view.layer].stored[i]];
        return c && c.code ? say(c.label, c.label_zh) : say("outside the zones", "区外");
      }
      const v = at(view, i);
      return Number.isNaN(v) ? say("no observation", "无观测") : `${v.toFixed(view.digits)} ${say(view.unit, view.unit_zh)}`;
    };
    canvas.addEventListener("pointermove", (event) => {
      const i = cell(event);
      value.textContent = i === null ? "" : text(current(), i);
    });

    // The series of a cell or zone, with its line and interval.
    const node = (name, attributes, content = "") => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, v] of Object.entries(attributes)) made.setAttribute(key, v);
      made.textContent = content;
      return made;
    };
    const chart = (series, trend, title) => {
      const svg = node("svg", { viewBox: "0 0 360 200", role: "img", "aria-label": title });
      const years = series.map(([year]) => year);
      const px = (year) => 45 + (290 * (year - years[0])) / Math.max(1, years[years.length - 1] - years[0]);
      const py = (v) => 165 - 140 * Math.min(1, Math.max(0, v));
      for (const v of [0, 0.25, 0.5, 0.75, 1]) {
        svg.append(node("line", { x1: 40, x2: 345, y1: py(v), y2: py(v), class: "grid" }));
        svg.append(node("text", { x: 34, y: py(v) + 4, "text-anchor": "end" }, `${100 * v} %`));
      }
      for (const year of years) svg.append(node("text", { x: px(year), y: 184, "text-anchor": "middle" }, year));
      const known = series.filter(([, v]) => v !== null && !Number.isNaN(v));
      if (trend && known.length) {
        const middle = (trend.first + trend.last) / 2;
        const inside = known.filter(([year]) => year >= trend.first && year <= trend.last).map(([, v]) => v).sort((a, b) => a - b);
        const half = inside.length / 2;
        const level = inside.length % 2 ? inside[Math.floor(half)] : (inside[half - 1] + inside[half]) / 2;
        const line = (slope) => [[trend.first, level + slope * (trend.first - middle)], [trend.last, level + slope * (trend.last - middle)]];
        const points = [...line(trend.low), ...line(trend.high).reverse()];
        svg.append(node("polygon", { points: points.map(([x, y]) => `${px(x)},${py(y)}`).join(" "), class: "interval" }));
        const [a, b] = line(trend.slope);
        svg.append(node("line", { x1: px(a[0]), y1: py(a[1]), x2: px(b[0]), y2: py(b[1]), class: "trend" }));
      }
      for (const [year, v] of known) svg.append(node("circle", { cx: px(year), cy: py(v), r: 4 }));
      return svg;
    };
    const tell = () => {
      panel.replaceChildren();
      if (!chosen) return;
      const heading = document.createElement("h4");
      const line = document.createElement("p");
      if (chosen.cell !== undefined) {
        const i = chosen.cell;
        const series = map.years.map((year) => [year, number(cells[`fvc ${year}`], i)]);
        const of = (kind) => number(cells[`${kind} ${map.period}`], i);
        const trend = { first: map.first, last: map.last, slope: of("slope"), low: of("slope_low"), high: of("slope_high") };
        heading.textContent = say("Cell", "像元");
        const p = of("p");
        line.textContent = Number.isNaN(trend.slope)
          ? say("too few years for a trend", "年份不足，无法计算趋势")
          : `${say("slope", "斜率")} ${trend.slope.toFixed(3)} (${trend.low.toFixed(3)} … ${trend.high.toFixed(3)}) ${say("per year", "每年")}; p = ${p.toFixed(3)}; n = ${of("n")}`;
        panel.append(heading, chart(series, Number.isNaN(trend.slope) ? null : trend, heading.textContent), line);
      } else {
        const zone = map.series[chosen.zone];
        heading.textContent = chosen.zone;
        line.textContent = zone.text ? say(zone.text, zone.text_zh) : "";
        panel.append(heading, chart(zone.series, zone.trend, chosen.zone), line);
      }
    };

    let from = null;
    canvas.addEventListener("pointerdown", (event) => {
      from = { x: event.clientX, y: event.clientY, left: look.x, top: look.y, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!from) return;
      const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
      if (Math.hypot(dx, dy) < 4 && !from.moved) return;
      from.moved = true;
      look.x = from.left + dx * devicePixelRatio;
      look.y = from.top + dy * devicePixelRatio;
      draw();
    });
    canvas.addEventListener("pointerup", (event) => {
      if (from && !from.moved) {
        const i = cell(event);
        chosen = i === null ? null : { cell: i };
        tell();
        draw();
      }
      from = null;
    });
    const zoom = (factor, x, y) => {
      const scale = Math.min(40, Math.max(0.5, (look.scale * factor * map.width) / canvas.width)) * (canvas.width / map.width);
      look.x = x - ((x - look.x) * scale) / look.scale;
      look.y = y - ((y - look.y) * scale) / look.scale;
      look.scale = scale;
      draw();
    };
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && document.activeElement !== canvas) return; // the page scrolls until the map is chosen
      event.preventDefault();
      const place = canvas.getBoundingClientRect();
      zoom(event.deltaY < 0 ? 1.25 : 0.8, (event.clientX - place.left) * devicePixelRatio, (event.clientY - place.top) * devicePixelRatio);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
      if (event.key === "+" || event.key === "=") zoom(1.25, canvas.width / 2, canvas.height / 2);
      else if (event.key === "-") zoom(0.8, canvas.width / 2, canvas.height / 2);
      else if (event.key === "0") { fit(); draw(); }
      else if (moves[event.key]) { look.x += moves[event.key][0]; look.y += moves[event.key][1]; draw(); }
      else return;
      event.preventDefault();
    });
    for (const button of box.querySelectorAll("[data-zone]")) {
      button.addEventListener("click", () => { chosen = { zone: button.dataset.zone }; tell(); draw(); });
    }
    for (const button of box.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => {
        if (button.dataset.zoom === "fit") { fit(); draw(); } else zoom(Number(button.dataset.zoom), canvas.width / 2, canvas.height / 2);
      });
    }
    select.addEventListener("change", show);
    opacity.addEventListener("input", draw);
    document.addEventListener("language", () => { show(); tell(); });
    addEventListener("resize", () => { fit(); draw(); });
    fit();
    show();
  }
  root.dataset.ready = "yes";
})();
