// Charts by Plotly.js, which is loaded when the first is drawn. Each has a heading, its summary in words, buttons to move it by
// keyboard, and its numbers in a table.
"use strict";

norna.charts = { drawn: [] };

/** Colours of the page as it is now. Okabe and Ito's, which people with any colour vision tell apart. */
norna.charts.colours = function () {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return { ink: of("ink"), faint: of("faint"), line: of("line"), paper: of("card"), blue: of("blue"), sky: of("sky"), green: of("green"), orange: of("orange"), red: of("red"), pink: of("pink"), yellow: of("yellow") };
};

/** Axes, fonts and margins that all charts share. */
norna.charts.layout = function (colours, more) {
  const axis = () => ({ gridcolor: colours.line, linecolor: colours.faint, zeroline: false, tickcolor: colours.faint, ticks: "outside", ticklen: 4, automargin: true, title: { standoff: 8 } });
  const layout = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 56, r: 16, t: 12, b: 48 }, height: 380, autosize: true,
    font: { family: getComputedStyle(document.body).fontFamily, size: 13, color: colours.ink }, hovermode: "closest", dragmode: "zoom", showlegend: false,
    hoverlabel: { bgcolor: colours.paper, bordercolor: colours.faint, font: { color: colours.ink, size: 13 }, align: "left" },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: colours.faint, activecolor: colours.ink },
    legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" },
  };
  const nTicks = Math.max(3, Math.floor(window.innerWidth / 110));
  for (const [name, value] of Object.entries(more || {})) {
    if (name === "xaxis") layout.xaxis = { nticks: nTicks, ...axis(), ...value };
    else layout[name] = /^[xy]axis/.test(name) ? { ...axis(), ...value } : value;
  }
  return layout;
};

/** Whether points are drawn by WebGL, where the browser has it and there are many. */
norna.charts.pointType = function (n) {
  if (n < 3000 || matchMedia("print").matches) return "scatter";
  if (norna.charts.webgl === undefined) {
    try { norna.charts.webgl = Boolean(document.createElement("canvas").getContext("webgl")); } catch { norna.charts.webgl = false; }
  }
  return norna.charts.webgl ? "scattergl" : "scatter";
};

/**
 * A chart. `spec`: id, title, summary (text), draw(colours) → {traces, layout}, table() → element, moves (whether it has axes to
 * move along), tableLabel, after(plot). It is drawn once it is on the page: `norna.charts.start(figure)`.
 */
norna.charts.figure = function (spec) {
  const { el } = norna;
  const plot = el("div", { class: "plot", role: "img", "aria-label": `${spec.title}. ${spec.summary}`, tabindex: spec.moves ? "0" : null });
  const bar = spec.moves && el("div", { class: "moves", role: "group", "aria-label": `Move ${spec.title}` },
    [["left", "◀", "Move left"], ["right", "▶", "Move right"], ["in", "+", "Zoom in"], ["out", "−", "Zoom out"], ["whole", "Whole", "Show the whole chart"]].map(([how, label, name]) =>
      el("button", { type: "button", class: "quiet", title: name, "aria-label": `${name}: ${spec.title}`, "data-move": how, onclick: () => norna.charts.move(plot, how) }, label)));
  const numbers = spec.table && el("details", { class: "numbers" }, el("summary", {}, spec.tableLabel || "Numbers of this chart"));
  if (numbers) numbers.addEventListener("toggle", () => { if (numbers.open && numbers.childElementCount === 1) numbers.append(spec.table()); });
  const level = spec.level || "h2";
  const figure = el("figure", { class: "chart", id: spec.id }, el("div", { class: "charthead" }, el(level, {}, spec.title), bar), plot, el("figcaption", {}, spec.summary), numbers);
  if (spec.moves) {
    const keys = { ArrowLeft: "left", ArrowRight: "right", "+": "in", "=": "in", "-": "out", 0: "whole" };
    plot.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
      event.preventDefault();
      norna.charts.move(plot, keys[event.key]);
    });
  }
  figure.start = () => norna.charts.start(plot, spec);
  return figure;
};

/** Draws it, and again whenever the colours change. */
norna.charts.start = async function (plot, spec) {
  try {
    await norna.load("assets/plotly.min.js");
  } catch (error) {
    plot.replaceChildren(norna.el("p", { class: "warning" }, error.message));
    return;
  }
  if (!plot.isConnected) return;
  const entry = { plot, spec };
  norna.charts.drawn.push(entry);
  await norna.charts.draw(entry);
  if (spec.after) spec.after(plot);
};

norna.charts.draw = function ({ plot, spec }) {
  const { traces, layout } = spec.draw(norna.charts.colours());
  const config = { displaylogo: false, responsive: true, displayModeBar: spec.moves ? "hover" : false, modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"], toImageButtonOptions: { format: "svg", filename: spec.id } };
  return Plotly.react(plot, traces, layout, config).then(() => {
    // The chart is told as a whole, by its name and the words under it.
    for (const inner of [...plot.children, document.getElementById("js-plotly-tester")]) if (inner) inner.setAttribute("aria-hidden", "true");
    plot.setAttribute("data-drawn", "yes");
  });
};

norna.charts.redraw = function () {
  for (const entry of norna.charts.drawn) {
    const { xaxis, yaxis } = entry.plot.layout || {};
    const ranges = xaxis && xaxis.autorange === false && yaxis ? { "xaxis.range": xaxis.range.slice(), "yaxis.range": yaxis.range.slice() } : null;
    norna.charts.draw(entry).then(() => { if (ranges && entry.spec.moves) Plotly.relayout(entry.plot, ranges); });
  }
};

/** Charts of a page that is left. */
norna.charts.clear = function () {
  for (const { plot } of norna.charts.drawn) Plotly.purge(plot);
  norna.charts.drawn = [];
};

/** Moves along the axis from left to right by a part of what is seen. */
norna.charts.move = function (plot, how) {
  if (!plot.layout || !plot.layout.xaxis) return;
  if (how === "whole") {
    Plotly.relayout(plot, plot.wholeRange ? { "xaxis.range": plot.wholeRange.slice(), "yaxis.autorange": true } : { "xaxis.autorange": true, "yaxis.autorange": true });
    norna.say("The whole chart is shown");
    return;
  }
  const [from, to] = plot.layout.xaxis.range;
  const width = to - from;
  const [a, b] = { left: [from - width / 4, to - width / 4], right: [from + width / 4, to + width / 4], in: [from + width / 4, to - width / 4], out: [from - width / 2, to + width / 2] }[how];
  Plotly.relayout(plot, { "xaxis.range": [a, b] });
  norna.say({ left: "Moved left", right: "Moved right", in: "Zoomed in", out: "Zoomed out" }[how]);
};

// On paper charts have a width of their own and light colours.
addEventListener("beforeprint", () => {
  document.documentElement.classList.add("printing");
  for (const entry of norna.charts.drawn) {
    norna.charts.draw(entry);
    Plotly.relayout(entry.plot, { width: 690, autosize: false });
  }
});
addEventListener("afterprint", () => {
  document.documentElement.classList.remove("printing");
  for (const entry of norna.charts.drawn) {
    entry.plot.layout.width = undefined;
    norna.charts.draw(entry).then(() => Plotly.Plots.resize(entry.plot));
  }
});
