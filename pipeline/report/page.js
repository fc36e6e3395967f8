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

  language(navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en");

  const types = { int8: Int8Array, uint8: Uint8Array, int16: Int16Array, uint16: Uint16Array };
  const unpack = async (layer) => {
    const bytes = Uint8Array.from(atob(layer.data), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    const stored = await new Response(stream).arrayBuffer();
    if (!layer.planes) return new types[layer.type](stored);
    const planes = new Uint8Array(stored);
    const cells = new types[layer.type](planes.length / 2);
    for (let i = 0; i < cells.length; i++) cells[i] = planes[i] | (planes[cells.length + i] << 8);
    return cells;
  };

  for (const map of page.maps) {
    const box = document.getElementById(map.id);
    const canvas = box.querySelector("canvas");
    const select = box.querySelector("[data-role=layer]");
    const between = box.querySelector(".between");
    const [from, to] = ["from", "to"].map((role) => box.querySelector(`[data-role=${role}]`));
    const showZones = box.querySelector("[data-role=zones]");
    const opacity = box.querySelector("input[type=range]");
    const value = box.querySelector("output");
    const legend = box.querySelector(".legend");
    const panel = box.querySelector(".series");
    const bar = box.querySelector(".scale");
    const context = canvas.getContext("2d");
    const cells = {};
    map.years.forEach((year, i) => {
      from.add(new Option(year, year, false, i === 0));
      to.add(new Option(year, year, false, i === map.years.length - 1));
    });
    if (!("DecompressionStream" in window)) {
      value.textContent = say("This browser is too old for the map.", "浏览器版本过旧，无法显示地图。");
      continue;
    }
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
      if (view.kind === "change") return number(cells[`fvc ${to.value}`], i) - number(cells[`fvc ${from.value}`], i);
      return number(cells[view.layer], i);
    };

    // One picture per view, made when it is first shown.
    const pictures = {};
    const picture = (view) => {
      const key = view.kind === "change" ? `${view.id} ${from.value} ${to.value}` : view.id;
      if (!pictures[key]) {
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
        pictures[key] = off;
      }
      return pictures[key];
    };

    for (const zone of map.zones) {
      zone.path = new Path2D();
      for (const ring of zone.rings) ring.forEach(([x, y], i) => (i ? zone.path.lineTo(x, y) : zone.path.moveTo(x, y)));
    }
    const probe = document.createElement("canvas").getContext("2d"); // without a transform: points in cells
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
      for (const zone of showZones.checked ? map.zones : []) {
        context.setLineDash(zone.reference ? [6 * devicePixelRatio / look.scale, 4 * devicePixelRatio / look.scale] : []);
        context.lineWidth = (chosen && chosen.zone === zone.zone ? 3 : 1.5) * devicePixelRatio / look.scale;
        context.strokeStyle = "#111";
        context.stroke(zone.path);
      }
      context.setLineDash([]);
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.font = `${12 * devicePixelRatio}px system-ui, sans-serif`;
      context.textAlign = "center";
      for (const zone of showZones.checked ? map.zones : []) {
        const [x, y] = [zone.at[0] * look.scale + look.x, zone.at[1] * look.scale + look.y];
        const name = zone.zone.length > 24 ? `${zone.zone.slice(0, 22)}…` : zone.zone;
        context.lineWidth = 3 * devicePixelRatio;
        context.strokeStyle = "#fff";
        context.strokeText(name, x, y);
        context.fillStyle = "#111";
        context.fillText(name, x, y);
      }
      context.setTransform(look.scale, 0, 0, look.scale, look.x, look.y);
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
      between.hidden = view.kind !== "change";
      legend.replaceChildren();
      const rows = view.kind === "class"
        ? map.classes.map((c) => [c.colour, say(c.label, c.label_zh) + (map.out_of_reach[view.period].includes(c.code) ? say(" (out of reach with these years)", "（这些年份无法达到）") : "")])
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
      const frame = canvas.getBoundingClientRect();
      const x = ((event.clientX - frame.left) * canvas.width / frame.width - look.x) / look.scale;
      const y = ((event.clientY - frame.top) * canvas.height / frame.height - look.y) / look.scale;
      if (x < 0 || y < 0 || x >= map.width || y >= map.height) return null;
      return Math.floor(y) * map.width + Math.floor(x);
    };
    const text = (view, i) => {
      if (view.kind === "class") {
        const c = classes[cells[view.layer].stored[i]];
        return c && c.code ? say(c.label, c.label_zh) : say("outside the zones", "区外");
      }
      const v = at(view, i) * (view.kind === "change" ? 100 : 1);
      return Number.isNaN(v) ? say("no observation", "无观测") : `${v.toFixed(view.digits)} ${say(view.unit, view.unit_zh)}`;
    };
    const place = (i) => {
      const [x, y] = [i % map.width + 0.5, Math.floor(i / map.width) + 0.5];
      const [left, dx, top, dy] = map.affine;
      const names = map.zones.filter((zone) => probe.isPointInPath(zone.path, x, y, "evenodd")).map((zone) => zone.zone);
      return `\u2068${names.join(", ") || say("outside the zones", "区外")}\u2069; E ${(left + x * dx).toFixed(0)}, N ${(top + y * dy).toFixed(0)} (${map.crs})`;
    };
    canvas.addEventListener("pointermove", (event) => {
      const i = cell(event);
      value.textContent = i === null ? "" : `${text(current(), i)} · ${place(i)}`;
    });

    // The series of a cell or zone, with its line and interval.
    const node = (name, attributes, content = "") => {
      const made = document.createElementNS("http://www.w3.org/2000/svg", name);
      for (const [key, v] of Object.entries(attributes)) made.setAttribute(key, v);
      made.textContent = content;
      return made;
    };
    const median = (values) => {
      const sorted = [...values].sort((a, b) => a - b);
      const half = sorted.length / 2;
      return sorted.length % 2 ? sorted[Math.floor(half)] : (sorted[half - 1] + sorted[half]) / 2;
    };
    const chart = (series, trend, title) => {
      const svg = node("svg", { viewBox: "0 0 360 200", role: "img", "aria-label": title });
      const years = series.map(([year]) => year);
      const px = (year) => 45 + (290 * (year - years[0])) / Math.max(1, years[years.length - 1] - years[0]);
      const low = map.variable === "fvc" ? 0 : Math.min(0, Math.floor(2 * Math.min(...series.map(([, v]) => v ?? 0).filter((v) => !Number.isNaN(v)))) / 2);
      const py = (v) => 165 - (140 * (Math.min(1, Math.max(low, v)) - low)) / (1 - low);
      const scale = (v) => (map.variable === "fvc" ? `${100 * v} %` : v);
      for (const v of [low, ...[0, 0.25, 0.5, 0.75, 1].filter((tick) => tick > low)]) {
        svg.append(node("line", { x1: 40, x2: 345, y1: py(v), y2: py(v), class: "grid" }));
        svg.append(node("text", { x: 34, y: py(v) + 4, "text-anchor": "end" }, scale(v)));
      }
      const every = Math.ceil(years.length / 8);
      for (const year of years.filter((_, k) => (years.length - 1 - k) % every === 0)) svg.append(node("text", { x: px(year), y: 184, "text-anchor": "middle" }, year));
      const known = series.filter(([, v]) => v !== null && !Number.isNaN(v));
      const inside = trend && trend.slope !== null ? known.filter(([year]) => year >= trend.first && year <= trend.last) : [];
      if (inside.length > 2) {
        const [middle, level] = [0, 1].map((k) => median(inside.map((pair) => pair[k])));
        const line = (slope) => [[trend.first, level + slope * (trend.first - middle)], [trend.last, level + slope * (trend.last - middle)]];
        const points = [...line(trend.low), ...line(trend.high).reverse()];
        svg.append(node("polygon", { points: points.map(([x, y]) => `${px(x)},${py(y)}`).join(" "), class: "interval" }));
        const [a, b] = line(trend.slope);
        svg.append(node("line", { x1: px(a[0]), y1: py(a[1]), x2: px(b[0]), y2: py(b[1]), class: "trend" }));
      }
      for (const [year, v] of known) svg.append(node("circle", { cx: px(year), cy: py(v), r: 4, class: "value" }));
      return svg;
    };
    // What is chosen, for every period; the line is drawn for the period that the map shows, else for the first.
    const tell = () => {
      panel.replaceChildren();
      if (!chosen) return;
      const heading = document.createElement("h4");
      let series;
      let trendOf;
      if (chosen.cell !== undefined) {
        const i = chosen.cell;
        heading.textContent = `${say("Cell", "像元")}: ${place(i)}`;
        series = map.years.map((year) => [year, number(cells[`${map.variable} ${year}`], i)]);
        trendOf = (words) => {
          const [slope, low, high, p, n] = ["slope", "slope_low", "slope_high", "p", "n"].map((kind) => number(cells[`${kind} ${words}`], i));
          const less = cells[`relative_slope ${words}`];
          return { slope, low, high, p, n, relative: less ? { slope: number(less, i) } : undefined };
        };
      } else {
        heading.textContent = chosen.zone;
        series = map.series[chosen.zone].series;
        trendOf = (words) => map.series[chosen.zone].trends[words] ?? {};
      }
      const known = (v) => v !== null && v !== undefined && !Number.isNaN(v);
      const shown = map.periods.find((period) => period.words === current().period) ?? map.periods[0];
      const trend = { ...shown, ...trendOf(shown.words) };
      panel.append(heading, chart(series, known(trend.slope) && known(trend.low) ? trend : null, heading.textContent));
      for (const period of map.periods) {
        const line = document.createElement("p");
        const t = trendOf(period.words);
        const range = known(t.low) ? ` (${t.low.toFixed(3)} … ${t.high.toFixed(3)})` : "";
        line.textContent = `${period.words}: ` + (known(t.slope)
          ? `${say("slope", "斜率")} ${t.slope.toFixed(3)}${range} ${say("per year", "每年")}${known(t.p) ? `; ${t.p < 0.001 ? "p < 0.001" : `p = ${t.p.toFixed(3)}`}; n = ${t.n}` : ""}`
          : say("too few years for a trend", "年份不足，无法计算趋势"));
        if (t.relative && known(t.relative.slope)) {
          line.textContent += `; ${say("minus reference", "减参照区")} ${t.relative.slope.toFixed(3)}${known(t.relative.p) ? ` (p = ${t.relative.p.toFixed(3)})` : ""}`;
        }
        panel.append(line);
      }
      if (map.variable === "fvc" && chosen.cell !== undefined) {
        const note = document.createElement("p");
        note.className = "note";
        note.textContent = say("Shown cover is clamped to 0 to 100 % and rounded to 1 %; slope and p are of the values before.", "所示覆盖度截断至 0–100 % 并取整；斜率与 p 取自截断前的数值。");
        if (map.monthly) note.textContent += say(" They are of monthly values; those shown are of years.", "它们取自月值；所示为年值。");
        panel.append(note);
      }
    };

    let grip = null;
    canvas.addEventListener("pointerdown", (event) => {
      grip = { x: event.clientX, y: event.clientY, left: look.x, top: look.y, moved: false };
      canvas.setPointerCapture(event.pointerId);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!grip) return;
      const [dx, dy] = [event.clientX - grip.x, event.clientY - grip.y];
      if (Math.hypot(dx, dy) < 4 && !grip.moved) return;
      grip.moved = true;
      look.x = grip.left + dx * devicePixelRatio;
      look.y = grip.top + dy * devicePixelRatio;
      draw();
    });
    canvas.addEventListener("pointerup", (event) => {
      if (grip && !grip.moved) {
        const i = cell(event);
        chosen = i === null ? null : { cell: i };
        tell();
        draw();
      }
      grip = null;
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
      const frame = canvas.getBoundingClientRect();
      zoom(event.deltaY < 0 ? 1.25 : 0.8, (event.clientX - frame.left) * devicePixelRatio, (event.clientY - frame.top) * devicePixelRatio);
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
      if (event.key === "+" || event.key === "=") zoom(1.25, canvas.width / 2, canvas.height / 2);
      else if (event.key === "-") zoom(0.8, canvas.width / 2, canvas.height / 2);
      else if (event.key === "0") { fit(); draw(); }
      else if (event.key === "Enter") {
        const [x, y] = [(canvas.width / 2 - look.x) / look.scale, (canvas.height / 2 - look.y) / look.scale].map(Math.floor);
        if (x >= 0 && y >= 0 && x < map.width && y < map.height) chosen = { cell: y * map.width + x };
        tell();
        draw();
      } else if (moves[event.key]) { look.x += moves[event.key][0]; look.y += moves[event.key][1]; draw(); }
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
    for (const control of [select, from, to]) control.addEventListener("change", () => { show(); tell(); });
    showZones.addEventListener("change", draw);
    opacity.addEventListener("input", draw);
    document.addEventListener("language", () => { show(); tell(); });
    addEventListener("resize", () => { fit(); draw(); });
    fit();
    show();
  }
  root.dataset.ready = "yes";
})();
