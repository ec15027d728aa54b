// The stretch around a lead: every variant there, coloured by linkage with the lead where genotypes were given, and genes below.
"use strict";

/** Classes of r², as they are usually drawn, in Okabe and Ito's colours. */
norna.linkageClasses = [[0.8, "red", "r² ≥ 0.8"], [0.6, "orange", "0.6 – 0.8"], [0.4, "green", "0.4 – 0.6"], [0.2, "sky", "0.2 – 0.4"], [0, "blue", "r² < 0.2"]];

/** Puts the region of a lead under the table of leads, of the first where none is chosen; its figure. */
norna.showRegion = function (i, charts, chosen) {
  const room = document.getElementById("region");
  if (!room) return null;
  const k = chosen === null ? 0 : chosen;
  const region = charts.regions[k];
  if (!region) {
    if (chosen !== null) room.replaceChildren(norna.el("p", { class: "hint" }, "There is no plot of this region in the report."));
    return null;
  }
  const figure = norna.region(i, charts.leads[k], region);
  room.replaceChildren(figure);
  return figure;
};

/** Leads the eye and the keyboard to the region that was asked for. */
norna.goToRegion = function (lead) {
  const room = document.getElementById("region");
  if (!room) return;
  room.scrollIntoView({ block: "center" });
  room.focus({ preventScroll: true });
  norna.say(`Region of ${norna.pairName(lead.pair)}`);
};

norna.region = function (i, lead, region) {
  const { number, data } = norna;
  const chrom = lead.pair[0];
  const pos = [];
  let at = 0;
  for (const step of region.steps) pos.push((at += step));
  const y = region.log10p;
  const r2Of = (k) => (region.r2 === null || region.r2[k] < 0 ? null : region.r2[k] / 100);
  const isLead = (k) => pos[k] === lead.pair[1] && Math.abs(y[k] - lead.pair[8]) < 0.001;
  const all = pos.map((_, k) => k);
  const own = data.traits.gene && data.traits.gene[i] && norna.chromosome(data.traits.gene[i].chrom) === norna.chromosome(chrom) ? data.traits.gene[i] : null;
  const lanes = norna.geneLanes(region);
  const nLanes = Math.max(0, ...lanes.map((gene) => gene.lane + 1));
  const share = nLanes === 0 ? 0 : Math.min(0.4, 0.08 + 0.05 * nLanes);
  const name = norna.pairName(lead.pair);
  const linked = region.r2 === null ? 0 : all.filter((k) => r2Of(k) !== null && r2Of(k) >= 0.8 && !isLead(k)).length;
  const summary = `${chrom}:${number.whole(region.start)} – ${number.whole(region.end)}: ${number.count(region.n_pairs, "variant")}, the lead ${name} with p = ${number.p(lead.pair[8])}.`
    + (region.r2 === null ? " Linkage is not known: no genotypes were given." : ` ${number.count(linked, "drawn variant")} beside it ${linked === 1 ? "has" : "have"} r² ≥ 0.8 with it.`)
    + (region.n_pairs > pos.length ? ` Of variants that fall on one dot the strongest is drawn, ${number.whole(pos.length)} in all.` : "")
    + (region.genes.length > 0 ? ` Genes: ${region.genes.map((gene) => gene[0]).slice(0, 30).join(", ")}${region.genes.length > 30 ? ` and ${region.genes.length - 30} more` : ""}.` : "");
  const told = summary + norna.hitsAlone();
  const draw = (colours) => {
    const trace = (chosen, colour, label, more) => ({
      type: "scatter", mode: "markers", name: label, x: chosen.map((k) => pos[k] / 1e6), y: chosen.map((k) => y[k]), showlegend: region.r2 !== null && chosen.length > 0,
      marker: { color: colour, size: 7, line: { color: colours.paper, width: 0.5 } },
      text: chosen.map((k) => `${norna.plain(chrom)}:${number.whole(pos[k])}<br>p = ${number.p(y[k])}${r2Of(k) === null ? "" : `<br>r² = ${number.fixed(r2Of(k), 2)}`}`), hovertemplate: "%{text}<extra></extra>", ...more,
    });
    const others = all.filter((k) => !isLead(k));
    const traces = [];
    const unknown = others.filter((k) => r2Of(k) === null);
    if (unknown.length > 0) traces.push(trace(unknown, region.r2 === null ? colours.blue : colours.faint, "r² not known"));
    for (let c = norna.linkageClasses.length - 1; c >= 0; c -= 1) {
      const [low, colour, label] = norna.linkageClasses[c];
      const high = c === 0 ? 2 : norna.linkageClasses[c - 1][0];
      const chosen = others.filter((k) => r2Of(k) !== null && r2Of(k) >= low && r2Of(k) < high);
      if (chosen.length > 0) traces.push(trace(chosen, colours[colour], label));
    }
    traces.push(trace(all.filter(isLead).slice(0, 1), colours.pink, "lead", { marker: { symbol: "diamond", size: 13, color: colours.pink, line: { color: colours.ink, width: 1 } } }));
    const shapes = [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: data.lead_log10p, y1: data.lead_log10p, line: { color: colours.red, width: 1.2, dash: "dash" } }];
    const annotations = [];
    if (own && own.tss >= region.start && own.tss <= region.end) {
      shapes.push({ type: "line", x0: own.tss / 1e6, x1: own.tss / 1e6, yref: "paper", y0: 0, y1: 1, line: { color: colours.green, width: 1.5, dash: "dot" } });
      annotations.push({ x: own.tss / 1e6, yref: "paper", y: 1, yanchor: "bottom", text: `${norna.plain(own.name)} starts`, showarrow: false, font: { color: colours.green, size: 12 } });
    }
    for (const gene of lanes) {
      shapes.push({ type: "rect", x0: gene.start / 1e6, x1: gene.end / 1e6, yref: "y2", y0: gene.lane + 0.62, y1: gene.lane + 0.88, line: { width: 0 }, fillcolor: colours.faint });
      annotations.push({ x: gene.middle / 1e6, yref: "y2", y: gene.lane + 0.28, text: norna.plain(gene.label), showarrow: false, font: { size: 11, color: colours.ink } });
    }
    // An axis without a trace would not be drawn.
    traces.push({ type: "scatter", mode: "markers", x: lanes.map((gene) => (gene.start + gene.end) / 2e6), y: lanes.map((gene) => gene.lane + 0.75), yaxis: "y2", marker: { opacity: 0 }, text: lanes.map((gene) => `${norna.plain(gene.label)}<br>${number.whole(gene.start)} – ${number.whole(gene.end)}`), hovertemplate: "%{text}<extra></extra>", showlegend: false });
    const yaxis2 = nLanes > 0 ? { yaxis2: { domain: [0, share - 0.06], range: [nLanes, 0], visible: false, fixedrange: true } } : { yaxis2: { domain: [0, 0.001], visible: false, fixedrange: true } };
    return {
      traces,
      layout: norna.charts.layout(colours, { height: 400 + Math.min(240, 34 * nLanes), showlegend: region.r2 !== null, margin: { l: 56, r: 12, t: 28, b: 48 }, shapes, annotations, legend: { orientation: "h", x: 0, y: 1.06, yanchor: "bottom" },
        xaxis: { title: { text: `${norna.plain(chrom)}, position in Mb` }, range: [region.start / 1e6, region.end / 1e6], anchor: nLanes > 0 ? "y2" : "y", tickformat: ".3~f" }, yaxis: { title: { text: "−log<sub>10</sub> p" }, domain: [share, 1], rangemode: "tozero" }, ...yaxis2 }),
    };
  };
  const order = all.slice().sort((a, b) => y[b] - y[a]);
  return norna.charts.figure({
    id: "region-chart", title: `Region of ${name}`, level: "h3", moves: true, summary: told, draw,
    after: (plot) => { plot.wholeRange = [region.start / 1e6, region.end / 1e6]; },
    table: () => norna.table([
      { label: "Position", key: (k) => pos[order[k]], cell: (k) => `${chrom}:${number.whole(pos[order[k]])}`, kind: "place" },
      { label: "p", key: (k) => y[order[k]], cell: (k) => number.p(y[order[k]]), numeric: true },
      { label: "r² with the lead", key: (k) => r2Of(order[k]), cell: (k) => number.fixed(r2Of(order[k]), 2), numeric: true },
    ], { caption: `Variants around ${name}`, n: order.length, what: "variant", perPage: 25 }),
  });
};

/** Genes in lanes, so that names do not overlap. */
norna.geneLanes = function (region) {
  const width = region.end - region.start, ends = [];
  // A letter takes more of a narrow chart.
  const letter = 0.0072 * Math.max(1, 1000 / window.innerWidth);
  const arrows = { 1: " →", "-1": "", 0: "" };
  return region.genes.map(([name, start, end, strand]) => {
    const label = `${strand < 0 ? "← " : ""}${name}${arrows[strand]}`;
    const [from, to] = [Math.max(start, region.start), Math.min(end, region.end)];
    const wide = ((label.length + 2) / 2) * width * letter;
    const middle = Math.min(Math.max((from + to) / 2, region.start + wide), region.end - wide);
    const half = Math.max((to - from) / 2, wide);
    let lane = ends.findIndex((free) => free < middle - half);
    if (lane < 0) lane = ends.length;
    ends[lane] = middle + half;
    return { label, start, end, lane, middle };
  }).filter((gene) => gene.lane < 8);
};
