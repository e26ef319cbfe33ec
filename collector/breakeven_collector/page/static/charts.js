// Draws the figures that stand in `data-chart`: days, and dollars a day by name, stacked.
"use strict";
{
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const dollars = (value) => value == null ? "" : value >= 1000 ? "$" + Math.round(value).toLocaleString("en-US")
    : "$" + value.toFixed(value >= 10 || value === 0 ? 0 : 2);
  let drawn = [];

  const shortDay = (at) => new Date(at * 1e3).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
  const common = (host, right) => ({
    width: host.clientWidth, height: 240,
    tzDate: (ts) => uPlot.tzDate(new Date(ts * 1e3), "Etc/UTC"),
    legend: { show: false },
    padding: [null, right, null, null],
    cursor: { drag: { x: false, y: false }, points: { show: false }, y: false },
  });
  const axes = () => {
    const axis = { stroke: css("--quiet"), font: "12px system-ui, sans-serif", grid: { stroke: css("--line"), width: 1 }, ticks: { show: false } };
    return [
      { ...axis, grid: { show: false }, space: 60, size: 30, incrs: [1, 2, 7, 14, 28, 91].map((count) => count * 86400), values: (_u, splits) => splits.map(shortDay) },
      { ...axis, size: 62, values: (_u, splits) => splits.map(dollars) },
    ];
  };

  // A box at the cursor: the day, and the rows [label, dollars] that `tell` has for its place.
  function tip(host, days, tell) {
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
          const rows = tell(at);
          if (rows[0]?.[0] !== days[at]) rows.unshift([days[at], null]);
          for (const [index, [name, value]] of rows.entries()) {
            const row = document.createElement("div");
            if (index === 0) row.className = "head";
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
    const chart = JSON.parse(host.dataset.chart);
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
    const bars = uPlot.paths.bars({ size: [0.82, 64], align: 0 });
    const series = [{}], data = [days];
    for (let i = sums.length - 1; i >= 0; i--) {
      const colour = css("--band-" + i);
      series.push({ stroke: colour, fill: colour, width: 0, paths: bars, points: { show: false } });
      data.push(sums[i]);
    }
    // The head of the box has the sum; one series is its own sum.
    const tell = (at) => {
      const rows = chart.series.filter((one) => Number(one.usd[at])).map((one) => [one.label, Number(one.usd[at])]);
      return [[chart.days[at], rows.reduce((sum, row) => sum + row[1], 0)], ...(chart.series.length > 1 ? rows : [])];
    };
    const pad = days.length > 1 ? (days[1] - days[0]) * 0.6 : 43200;
    const plot = new uPlot({
      ...common(host, null),
      scales: { x: { time: true, range: () => [days[0] - pad, days[days.length - 1] + pad] }, y: { range: (_u, _min, max) => [0, Math.max(max * 1.05, 0.01)] } },
      axes: axes(),
      series,
      plugins: [tip(host, chart.days, tell)],
    }, data, host);
    drawn.push([host, plot]);
  }

  // Spend of 30 days against a threshold, and the forecast between its 10 and 90 %.
  function drawOutlook(host) {
    const chart = JSON.parse(host.dataset.outlook);
    host.replaceChildren();
    const at = (day) => Date.parse(day + "T00:00:00Z") / 1000;
    const days = chart.days.map(at);
    const most = Math.max(0.01, ...[...chart.spend, ...chart.p50].filter((value) => value != null));
    // A fan that opens wide, or a line far above, would press all else to the floor.
    const spent = Math.max(0.01, ...chart.spend.filter((value) => value != null), chart.p50.find((value) => value != null) ?? 0);
    const near = chart.lines.filter((line) => !line.is_far).sort((a, b) => b.is_main - a.is_main || a.usd - b.usd);
    const top = Math.max(spent * 1.3, near.length ? near[0].usd * 1.6 : Math.min(most, spent * 3));
    const lines = near.filter((line) => line.usd < top * 0.98);
    const isWide = host.clientWidth > 600;
    // Where all of the fan is above, there is nothing more to see.
    const gone = chart.p10.findIndex((value) => value > top);
    const last = gone < 0 ? days.length - 1 : gone;
    const ink = css("--band-0"), soft = { points: { show: false }, spanGaps: true };
    const series = [{}, { ...soft, stroke: ink, width: 2 }, { ...soft, width: 0 }, { ...soft, width: 0 }, { ...soft, stroke: ink, width: 1.5, dash: [6, 4] }];
    const data = [days, chart.spend, chart.p90, chart.p10, chart.p50];
    for (const line of lines) {
      series.push({ ...soft, stroke: css(line.is_main ? "--bad" : "--rule"), width: line.is_main ? 1.5 : 1, dash: line.is_main ? undefined : [5, 4] });
      data.push(days.map(() => line.usd));
    }
    const tell = (index) => [["spend, trailing 30 days", chart.spend[index]], ["forecast", chart.p50[index]], ["10 %", chart.p10[index]], ["90 %", chart.p90[index]]].filter((row) => row[1] != null);
    const plot = new uPlot({
      ...common(host, lines.length ? (isWide ? 136 : 92) : null),
      scales: { x: { time: true, range: () => [days[0], days[last]] }, y: { range: () => [0, top] } },
      axes: axes(),
      series,
      bands: [{ series: [2, 3], fill: css("--fan") }],
      plugins: [tip(host, chart.days, tell)],
      hooks: {
        draw: [(u) => {
          const { ctx, bbox } = u, one = devicePixelRatio;
          ctx.save();
          ctx.font = 11 * one + "px system-ui, sans-serif";
          ctx.textAlign = "left";
          const told = [];
          for (const line of lines) {
            const y = u.valToPos(line.usd, "y", true);
            if (told.some((other) => Math.abs(other - y) < 12 * one)) continue;
            told.push(y);
            ctx.fillStyle = css(line.is_main ? "--bad" : "--quiet");
            ctx.fillText(line.label + (isWide && !line.is_band ? " " + dollars(line.usd) : ""), bbox.left + bbox.width + 6 * one, y + 4 * one);
          }
          for (const mark of chart.marks) {
            const x = u.valToPos(at(mark.on), "x", true);
            ctx.strokeStyle = ctx.fillStyle = css("--bad");
            ctx.setLineDash([3 * one, 3 * one]);
            ctx.beginPath();
            ctx.moveTo(x, bbox.top);
            ctx.lineTo(x, bbox.top + bbox.height);
            ctx.stroke();
            ctx.textAlign = x > bbox.left + bbox.width / 2 ? "right" : "left";
            ctx.fillText(mark.label + " " + shortDay(at(mark.on)), x + (ctx.textAlign === "right" ? -6 : 6) * one, bbox.top + bbox.height - 8 * one);
          }
          ctx.restore();
        }],
      },
    }, data, host);
    drawn.push([host, plot]);
  }

  window.drawCharts = () => {
    for (const [, plot] of drawn) plot.destroy();
    drawn = [];
    document.querySelectorAll("[data-chart]").forEach(draw);
    document.querySelectorAll("[data-outlook]").forEach(drawOutlook);
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
