// A line and the values under the pointer. Values are read back from the paths, which hold them to a thousandth of a percent.
(() => {
  "use strict";
  const digits = (v) => {
    const size = Math.abs(v);
    const places = size >= 100 || size === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.1 ? 3 : 4;
    return v.toLocaleString("en", { maximumFractionDigits: places });
  };
  const clock = (s) => {
    if (s < 60) return digits(Math.round(s * 10) / 10) + " s";
    const all = Math.round(s), two = (n) => String(n).padStart(2, "0");
    const h = Math.floor(all / 3600), m = Math.floor(all / 60) % 60;
    return (h ? h + ":" + two(m) : m) + ":" + two(all % 60);
  };
  const shorter = (v, steps) => {
    const [factor, unit] = steps.find(([f]) => Math.abs(v) < f[1]) ?? steps[steps.length - 1];
    return digits(v / factor[0]) + " " + unit;
  };
  const show = (v, unit) => {
    switch (unit) {
      case "t": return clock(v);
      case "ms": return shorter(v, [[[1e-3, 1], "µs"], [[1, 1e3], "ms"], [[1e3, 1e99], "s"]]);
      case "kb": return shorter(v, [[[1, 1024], "KiB"], [[1024, 1048576], "MiB"], [[1048576, 1e99], "GiB"]]);
      case "ps": return digits(v) + "/s";
      case "pc": return digits(v) + " %";
      case "x": return digits(v) + " ×";
      case "q": return (v * 100).toFixed(Math.min(6, Math.max(1, 1 + Math.floor(-Math.log10(1 - v))))) + " %";
      default: return digits(v);
    }
  };
  const back = (at, [low, high], scale) => {
    const v = low + at * (high - low);
    return scale === "log" ? 10 ** v : scale === "nines" ? 1 - 10 ** -v : v;
  };
  const points = (path) =>
    [...path.getAttribute("d").matchAll(/[ML](-?[\d.]+) (-?[\d.]+)/g)].map((m) => [Number(m[1]), Number(m[2])]);
  const nearest = (all, x) => {
    let low = 0, high = all.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (all[middle][0] < x) low = middle + 1; else high = middle;
    }
    const before = all[Math.max(0, low - 1)];
    return Math.abs(before[0] - x) < Math.abs(all[low][0] - x) ? before : all[low];
  };
  const make = (tag, name, text) => {
    const element = document.createElement(tag);
    element.className = name;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  for (const chart of document.querySelectorAll("figure.chart")) {
    const plot = chart.querySelector(".plot");
    if (!plot) continue;
    const ends = (name) => chart.dataset[name].split(" ").map(Number);
    const [xScale, xUnit, yScale, yUnit] = chart.dataset.kinds.split(" ");
    const cursor = make("div", "cursor"), tip = make("div", "tip");
    cursor.hidden = tip.hidden = true;
    plot.append(cursor, tip);
    let series;
    const hide = () => { cursor.hidden = tip.hidden = true; };
    plot.addEventListener("pointerleave", hide);
    plot.addEventListener("pointermove", (event) => {
      series ??= [...plot.querySelectorAll("path.line")].map((path) => ({
        name: path.dataset.name, ink: path.getAttribute("class").replace("line", "key"), all: points(path),
      })).filter((one) => one.all.length);
      if (!series.length) return;
      const box = plot.getBoundingClientRect();
      const wanted = ((event.clientX - box.left) / box.width) * 1000;
      const found = series.map((one) => ({ ...one, at: nearest(one.all, wanted) }));
      const x = found.reduce((best, one) => Math.abs(one.at[0] - wanted) < Math.abs(best - wanted) ? one.at[0] : best, Infinity);
      const at = make("div", "at", show(back(x / 1000, ends("x"), xScale), xUnit));
      const rows = found.filter((one) => Math.abs(one.at[0] - x) <= 8).map((one) => {
        const row = make("div", "");
        row.append(make("i", one.ink), make("span", "", one.name), make("b", "", show(back(1 - one.at[1] / 1000, ends("y"), yScale), yUnit)));
        return row;
      });
      tip.replaceChildren(at, ...rows);
      cursor.hidden = tip.hidden = false;
      cursor.style.left = x / 10 + "%";
      const right = x > 550;
      tip.style.left = right ? "auto" : `calc(${x / 10}% + 12px)`;
      tip.style.right = right ? `calc(${100 - x / 10}% + 12px)` : "auto";
    });
  }
})();
