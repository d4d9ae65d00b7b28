// Lets a reader point at a chart: the picture that came from the server is
// drawn again by uPlot, from the numbers beside it, with the same marks.
"use strict";
(() => {
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const plots = new Map(); // figure -> uPlot

  function number(v) {
    if (v == null) return "–";
    const a = Math.abs(v);
    const s = v.toFixed(a >= 1000 ? 0 : a >= 100 ? 1 : a >= 1 || a === 0 ? 2 : 4);
    return (s.includes(".") ? s.replace(/\.?0+$/, "") : s).replace("-", "−");
  }

  function draw(figure) {
    const source = figure.querySelector("script[type='application/json']");
    const room = figure.querySelector(".figure-drawn");
    if (!source || !room || typeof uPlot === "undefined") return;
    const d = JSON.parse(source.textContent);
    if (!d.time || !d.time.length) return;
    const old = plots.get(figure);
    if (old) {
      if (old.source === source.textContent) return;
      old.plot.destroy();
    }
    const height = d.small ? 130 : 260;
    const zone = (ts) => uPlot.tzDate(new Date(ts * 1000), d.zone);
    const font = `12px ${token("--font")}`;
    const axis = { stroke: token("--quiet"), font, grid: { stroke: token("--line"), width: 1 }, ticks: { show: false } };
    const dates = new Intl.DateTimeFormat("en-GB", { timeZone: d.zone, day: "numeric", month: "short" });
    const clock = new Intl.DateTimeFormat("en-GB", { timeZone: d.zone, hour: "2-digit", minute: "2-digit" });
    const exact = new Intl.DateTimeFormat("en-GB", { timeZone: d.zone, weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", timeZoneName: "short" });

    const read = document.createElement("output");
    read.className = "figure-read";
    read.hidden = true;

    const marks = (u) => {
      const { ctx, bbox } = u;
      const x = (t) => u.valToPos(t, "x", true), y = (v) => u.valToPos(v, "y", true);
      const px = devicePixelRatio;
      const dpr = (n) => n * px;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      ctx.font = `${dpr(12)}px ${token("--font")}`;
      const word = (text, left, top, colour, align) => {
        ctx.textAlign = align || "left";
        ctx.lineWidth = dpr(4);
        ctx.lineJoin = "round";
        ctx.strokeStyle = token("--surface");
        ctx.strokeText(text, left, top);
        ctx.fillStyle = colour;
        ctx.fillText(text, left, top);
      };
      const line = (colour, dash, from, to) => {
        ctx.strokeStyle = colour;
        ctx.lineWidth = dpr(1.4);
        ctx.setLineDash(dash.map(dpr));
        ctx.beginPath();
        ctx.moveTo(...from);
        ctx.lineTo(...to);
        ctx.stroke();
        ctx.setLineDash([]);
      };
      if (d.fan) {
        ctx.globalAlpha = 0.22;
        ctx.fillStyle = token("--warm-line");
        ctx.beginPath();
        ctx.moveTo(x(d.fan.from), y(d.fan.level));
        ctx.lineTo(x(d.fan.p10), y(d.limit));
        ctx.lineTo(x(d.fan.p90), y(d.limit));
        ctx.fill();
        ctx.globalAlpha = 1;
        line(token("--warm-line"), [], [x(d.fan.from), y(d.fan.level)], [x(d.fan.p50), y(d.limit)]);
      }
      if (d.limit != null) line(token("--warm-line"), [5, 4], [bbox.left, y(d.limit)], [bbox.left + bbox.width, y(d.limit)]);
      if (d.onset) line(token("--line-strong"), [2, 3], [x(d.onset), bbox.top], [x(d.onset), bbox.top + bbox.height]);
      if (!d.small) {
        let limitAt = -1e9;
        if (d.limit != null) {
          limitAt = y(d.limit);
          const above = limitAt - dpr(7) > bbox.top + dpr(10);
          word(`noticeable from ${number(d.limit)} ${d.unit}`, bbox.left + dpr(3), above ? limitAt - dpr(7) : limitAt + dpr(14), token("--warm"));
        }
        if (d.onset) {
          const late = x(d.onset) > bbox.left + bbox.width * 0.6;
          word(`began about ${dates.format(d.onset * 1000)}`, x(d.onset) + dpr(late ? -4 : 4), bbox.top + bbox.height - dpr(6), token("--quiet"), late ? "right" : "left");
        }
        const j = d.lower.findIndex((v, i) => v != null && i >= d.lower.length / 12);
        if (j >= 0 && y(d.lower[j]) + dpr(14) < bbox.top + bbox.height - dpr(18)) {
          word("peers, 10 to 90 %", Math.max(x(d.time[j]), bbox.left + dpr(3)), y(d.lower[j]) + dpr(14), token("--quiet"));
        }
        let last = d.value.length - 1;
        while (last > 0 && d.value[last] == null) last--;
        let top = Math.max(y(d.value[last]) - dpr(8), bbox.top + dpr(12));
        if (Math.abs(top - limitAt) < dpr(14)) top += dpr(22);
        ctx.font = `600 ${dpr(12)}px ${token("--font")}`;
        word("this device", x(d.time[last]) - dpr(4), top, token("--accent"), "right");
      }
      ctx.restore();
    };

    const plot = new uPlot({
      width: room.clientWidth, height,
      tzDate: zone,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { points: { size: 6 }, drag: { x: true, y: false }, y: false },
      scales: { x: { time: true, range: (u, min, max) => (u.zoomed ? [min, max] : [d.from, d.until]) }, y: { range: [d.low, d.high] } },
      axes: [
        { ...axis, grid: { show: false }, size: 22, gap: 2, space: 58, values: (u, at) => {
          const wide = at.length > 1 && at[1] - at[0] >= 86400;
          return at.map((t) => { const c = clock.format(t * 1000); return wide || c === "00:00" ? dates.format(t * 1000) : c; });
        } },
        { ...axis, size: 52, gap: 6 },
      ],
      series: [
        {},
        { stroke: "transparent", points: { show: false } },
        { stroke: "transparent", points: { show: false } },
        { stroke: token("--accent"), width: 1.6, spanGaps: false, points: { show: false } },
      ],
      bands: [{ series: [2, 1], fill: token("--band") }],
      hooks: {
        draw: [marks],
        setSelect: [(u) => { u.zoomed = u.select.width > 0; }],
        setCursor: [(u) => {
          const i = u.cursor.idx;
          read.hidden = i == null || (d.value[i] == null && d.lower[i] == null);
          if (read.hidden) return;
          const peers = d.lower[i] == null ? "" : `; peers ${number(d.lower[i])} to ${number(d.upper[i])}`;
          read.textContent = `${exact.format(d.time[i] * 1000)}: ${number(d.value[i])} ${d.unit}${peers}`;
        }],
      },
    }, [d.time, d.lower, d.upper, d.value], (u, init) => {
      room.replaceChildren(u.root);
      init();
    });
    plot.over.addEventListener("dblclick", () => { plot.zoomed = false; });
    figure.querySelector(".figure-read")?.remove();
    figure.append(read);
    plots.set(figure, { plot, source: source.textContent });
  }

  const resized = new ResizeObserver((entries) => {
    for (const e of entries) {
      const known = plots.get(e.target);
      const room = e.target.querySelector(".figure-drawn");
      if (known && room && room.clientWidth > 0 && room.clientWidth !== known.plot.width) {
        known.plot.setSize({ width: room.clientWidth, height: known.plot.height });
      }
    }
  });
  function all() {
    for (const figure of plots.keys()) {
      if (!figure.isConnected) {
        plots.get(figure).plot.destroy();
        plots.delete(figure);
        resized.unobserve(figure);
      }
    }
    for (const figure of document.querySelectorAll("[data-chart]")) {
      draw(figure);
      resized.observe(figure);
    }
  }
  function again() {
    for (const { plot } of plots.values()) plot.destroy();
    plots.clear();
    all();
  }
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  document.addEventListener("forecare:drawn", all);
  all();
})();
