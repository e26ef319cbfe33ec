// Draws the figures that stand in `data-chart`: days, and dollars a day by name, stacked.
"use strict";
{
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const dollars = (value) => value == null ? "" : value >= 1000 ? "$" + Math.round(value).toLocaleString("en-US")
    : "$" + value.toFixed(value >= 10 || value === 0 ? 0 : 2);
  let drawn = [];

  function tip(host, chart) {
    const box = document.createElement("div");
    box.className = "tip";
    box.hidden = true;
    host.append(box);
    return {
      hooks: {
        setCursor: (plot) => {
          const at = plot.cursor.idx;
          if (at == null || plot.cursor.left < 0) { box.hidden = true; return; }
          box.replaceChildren();
          const sum = chart.series.reduce((total, one) => total + Number(one.usd[at]), 0);
          const rows = [[chart.days[at], sum, true]];
          chart.series.forEach((one) => {
            if (Number(one.usd[at])) rows.push([one.label, Number(one.usd[at]), false]);
          });
          if (rows.length === 2) rows.pop();
          for (const [name, value, isHead] of rows) {
            const row = document.createElement("div");
            if (isHead) row.className = "head";
            const label = document.createElement("bdi"), amount = document.createElement("span");
            label.textContent = name;
            amount.textContent = dollars(value);
            row.append(label, amount);
            box.append(row);
          }
          box.hidden = false;
          const left = plot.cursor.left + plot.over.offsetLeft + 14;
          box.style.left = Math.min(left, host.clientWidth - box.offsetWidth - 4) + "px";
        },
      },
    };
  }

  function draw(host) {
    const chart = JSON.parse(host.dataset.chart), lines = JSON.parse(host.dataset.lines);
    host.replaceChildren();
    if (!chart.days.length || !chart.series.length) return;
    const days = chart.days.map((day) => Date.parse(day + "T00:00:00Z") / 1000);
    // Each band stands on those before it, so the last is drawn first.
    const sums = [];
    let below = days.map(() => 0);
    for (const one of chart.series) {
      below = below.map((value, i) => value + Number(one.usd[i]));
      sums.push(below);
    }
    const most = Math.max(...below);
    const shown = lines.filter((line) => line.usd < most * 1.6);
    const bars = uPlot.paths.bars({ size: [0.82, 40], align: 0 });
    const series = [{}], data = [days];
    for (let i = sums.length - 1; i >= 0; i--) {
      const colour = css("--band-" + i);
      series.push({ stroke: colour, fill: colour, width: 0, paths: bars, points: { show: false } });
      data.push(sums[i]);
    }
    for (const line of shown) {
      series.push({ stroke: css("--rule"), width: 1, dash: [5, 4], points: { show: false } });
      data.push(days.map(() => line.usd));
    }
    const grid = { stroke: css("--line"), width: 1 };
    const axis = { stroke: css("--quiet"), font: "12px system-ui, sans-serif", grid, ticks: { show: false } };
    const pad = days.length > 1 ? (days[1] - days[0]) * 0.6 : 43200;
    const plot = new uPlot({
      width: host.clientWidth, height: 240,
      tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), "Etc/UTC"),
      legend: { show: false },
      padding: [null, shown.length ? 72 : null, null, null],
      cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
      scales: { x: { time: true, range: () => [days[0] - pad, days[days.length - 1] + pad] }, y: { range: (_u, _min, max) => [0, Math.max(max * 1.05, 0.01)] } },
      axes: [
        { ...axis, grid: { show: false }, space: 60, size: 30, values: (_u, splits) => splits.map((at) => new Date(at * 1e3).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" })) },
        { ...axis, size: 62, values: (_u, splits) => splits.map(dollars) },
      ],
      series,
      plugins: [tip(host, chart)],
      hooks: {
        draw: [(u) => {
          u.ctx.save();
          u.ctx.textAlign = "left";
          u.ctx.fillStyle = css("--quiet");
          u.ctx.font = 11 * devicePixelRatio + "px system-ui, sans-serif";
          for (const line of shown) {
            u.ctx.fillText(line.label, u.bbox.left + u.bbox.width + 6 * devicePixelRatio, u.valToPos(line.usd, "y", true) + 4 * devicePixelRatio);
          }
          u.ctx.restore();
        }],
      },
    }, data, host);
    drawn.push([host, plot]);
  }

  window.drawCharts = () => {
    for (const [, plot] of drawn) plot.destroy();
    drawn = [];
    document.querySelectorAll("[data-chart]").forEach(draw);
  };
  let width = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; window.drawCharts(); } });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => window.drawCharts());
  // On paper they have the colours of the light theme, as all else does there.
  const root = document.documentElement;
  let theme;
  addEventListener("beforeprint", () => { theme = root.dataset.theme; root.dataset.theme = "light"; window.drawCharts(); });
  addEventListener("afterprint", () => {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
    window.drawCharts();
  });
  window.drawCharts();
}
