// One trait: its Manhattan and QQ plots, its leads, and what is known of its gene.
"use strict";

norna.packs = new Map();
norna.receiveTraits = ([number, pack]) => norna.packs.set(number, pack);

/** What is drawn of trait i; loads its data file. */
norna.chartsOf = async function (i) {
  const first = norna.data.packs;
  let number = first.length - 1;
  while (first[number] > i) number -= 1;
  await norna.load(`data/traits-${String(number).padStart(4, "0")}.js`);
  const pack = norna.packs.get(number);
  const charts = pack.traits[i - first[number]];
  return { ...charts, band: pack.bands[charts.qq.band] };
};

norna.traitPage = function (i, rest) {
  const { el, number, data } = norna;
  const { name, n, cases, hits, lambda, status, gene } = data.traits;
  const step = (to, label) => (to >= 0 && to < name.length ? el("a", { href: norna.traitAddress(name[to]) }, label) : null);
  const crumbs = el("p", { class: "crumbs" }, el("a", { href: "#/" }, "All traits"), el("span", {}, step(i - 1, "← Previous trait"), i > 0 && i + 1 < name.length ? " · " : null, step(i + 1, "Next trait →")));
  const known = gene && gene[i];
  const subtitle = known && el("p", { class: "subtitle" }, [known.assay, known.name && `gene ${known.name}`, `${known.chrom}:${number.whole(known.tss)}`].filter(Boolean).join(" · "), norna.geneLinks(known).map((link) => [" · ", link]));
  const facts = el("dl", { class: "facts" }, norna.fact("Samples", number.whole(n[i]), n[i] < data.n_samples ? `of ${number.whole(data.n_samples)}` : ""),
    cases && cases[i] !== null && norna.fact("Cases", number.whole(cases[i])),
    norna.fact("Hits", number.whole(hits[i]), `p ≤ ${number.p(data.hit_log10p)}`),
    norna.fact("Genomic control λ", number.fixed(lambda[i], 3)));
  const room = el("div", { class: "room" }, el("p", { class: "hint" }, "Loading …"));
  const why = status[i] !== "" && el("p", { class: "warning" }, `This trait was not tested: ${status[i].replace(/_/g, " ")}.`);
  return {
    title: name[i],
    content: [crumbs, el("h1", {}, name[i]), subtitle, why, facts, room],
    start: async () => {
      let charts;
      try {
        charts = await norna.chartsOf(i);
      } catch (error) {
        room.replaceChildren(el("p", { class: "warning" }, error.message));
        return;
      }
      if (!room.isConnected) return;
      const points = norna.pointsOf(charts);
      const figures = [norna.manhattan(i, charts, points), norna.qq(i, charts)];
      room.replaceChildren(figures[0], norna.leads(i, charts), figures[1]);
      const chosen = rest[0] === "lead" ? Number(rest[1]) : null;
      const region = norna.showRegion(i, charts, chosen);
      for (const figure of [figures[0], region, figures[1]]) if (figure) await figure.start();
      if (chosen !== null && region) norna.goToRegion(charts.leads[chosen]);
    },
  };
};

/** Points with their places on the axis of the genome. */
norna.pointsOf = function (charts) {
  const chromosomes = norna.data.genome.chromosomes;
  const packed = charts.points;
  const points = { x: [], y: packed.log10p, pos: [], chrom: [] };
  let at = 0;
  for (const [chrom, n] of packed.chroms) {
    let pos = 0;
    const [, first, , offset] = chromosomes[chrom];
    for (let k = 0; k < n; k += 1, at += 1) {
      pos += packed.steps[at];
      points.pos.push(pos);
      points.chrom.push(chrom);
      points.x.push(offset + pos - first);
    }
  }
  return points;
};

/** Levels of the bins below the floor: rows of −log10 p, each along the bins of the genome. */
norna.levelsOf = function (charts) {
  const nBins = norna.data.genome.n_bins;
  const rows = Array.from({ length: charts.n_heights }, () => new Uint8Array(nBins));
  let cell = 0;
  for (const [, letter, run] of charts.below.matchAll(/([A-Z])([0-9a-z]*)/g)) {
    const level = letter.charCodeAt(0) - 65;
    const n = run === "" ? 1 : parseInt(run, 36);
    if (level > 0) for (let k = cell; k < cell + n; k += 1) rows[Math.floor(k / nBins)][k % nBins] = level;
    cell += n;
  }
  return rows;
};

/** Ticks of the axis of a genome: chromosomes at their middle; of a single one positions. */
norna.genomeTicks = function (axis) {
  const { chromosomes, length } = axis;
  if (chromosomes.length === 1) {
    const [name, first, last] = chromosomes[0];
    const wide = last - first;
    const step = Math.pow(10, Math.floor(Math.log10(Math.max(wide, 10)))) / (wide / Math.pow(10, Math.floor(Math.log10(Math.max(wide, 10)))) < 3 ? 5 : 1);
    const values = [];
    for (let pos = Math.ceil(first / step) * step; pos <= last; pos += step) values.push(pos);
    return { tickvals: values.map((pos) => pos - first), ticktext: values.map((pos) => `${Number((pos / 1e6).toFixed(3))}`), title: { text: `${name}, position in Mb` } };
  }
  const shown = [], texts = [];
  let free = -Infinity;
  for (const [name, first, last, offset] of chromosomes) {
    const middle = offset + (last - first) / 2, text = name.replace(/^chr/i, "");
    if (middle - free < length * 0.006 * (text.length + 1.5)) continue;
    shown.push(middle);
    texts.push(text);
    free = middle + length * 0.004 * text.length;
  }
  return { tickvals: shown, ticktext: texts, title: { text: "Chromosome" } };
};

/** One colour scale for bins with few and many pairs: from near the paper to the full colour. */
norna.scaleOf = (colour) => [[0, `${colour}70`], [0.5, `${colour}b8`], [1, colour]];

norna.manhattan = function (i, charts, points) {
  const { number, data } = norna;
  const genome = data.genome;
  const levels = norna.levelsOf(charts);
  const lead = charts.strongest[0];
  const height = charts.floor / charts.n_heights;
  const hasBelow = charts.below !== "";
  const floor = data.store === "hits" ? Math.max(charts.floor, data.hit_log10p) : charts.floor;
  const thinned = charts.n_thinned > 0 ? ` ${number.whole(charts.n_thinned)} further pairs lie where a stronger one is drawn.` : "";
  const summary = (lead ? `The strongest of ${number.whole(charts.qq.n_tests)} tests is ${norna.pairName(lead)} with p = ${number.p(lead[8])}. ` : `No test reaches p = ${number.p(floor)}. `)
    + `${charts.n_above === 0 ? "No variant" : number.count(charts.n_above, "variant")} with p ≤ ${number.p(floor)} ${charts.n_above <= 1 ? "is" : "are"} drawn one by one${hasBelow ? "; below that, bins are darker where more variants lie" : ""}.${thinned}${norna.hitsAlone()}`;
  const draw = (colours) => {
    const traces = [];
    const tints = [colours.blue, colours.sky];
    if (hasBelow) {
      const isSparse = levels.reduce((sum, row) => sum + row.reduce((n, level) => n + (level > 0), 0), 0) <= 4000;
      for (const parity of [0, 1]) traces.push((isSparse ? norna.cellsTrace : norna.binsTrace)(genome, levels, height, parity, tints[parity]));
    }
    for (const parity of [0, 1]) traces.push(norna.pointsTrace(points, parity, tints[parity]));
    traces.push({ ...norna.leadsTrace(charts.leads, colours) });
    const top = Math.max(charts.floor, lead ? lead[8] : 0, data.lead_log10p) * 1.06;
    const line = (y, colour, dash) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: y, y1: y, line: { color: colour, width: 1.2, dash } });
    return {
      traces,
      layout: norna.charts.layout(colours, { height: 420, margin: { l: 56, r: 12, t: 12, b: 48 }, xaxis: { ...norna.genomeTicks(genome), range: norna.wholeGenome(genome), showgrid: false }, yaxis: { title: { text: "−log<sub>10</sub> p" }, range: [0, top], fixedrange: false }, shapes: [line(data.lead_log10p, colours.red, "dash")] }),
    };
  };
  const figure = norna.charts.figure({
    id: "manhattan", title: "Manhattan plot", moves: true, summary, draw, tableLabel: charts.strongest.length === 1 ? "The strongest variant" : `The ${number.whole(charts.strongest.length)} strongest variants`,
    table: charts.strongest.length > 0 ? () => norna.strongest(i, charts) : null,
    after: (plot) => {
      plot.wholeRange = norna.wholeGenome(genome);
      plot.on("plotly_click", (event) => { const at = event.points[0].customdata; if (typeof at === "number") location.hash = `${norna.traitAddress(data.traits.name[i])}/lead/${at}`; });
    },
  });
  return figure;
};

/** What is to be said where the file keeps hits alone. */
norna.hitsAlone = () => (norna.data.store === "hits" ? ` The file keeps no pair with a p above ${norna.number.p(norna.data.hit_log10p)}: white is not empty.` : "");

norna.wholeGenome = (genome) => [-genome.length * 0.008, genome.length * 1.008];

/** Bins of every second chromosome as a heat map. */
norna.binsTrace = function (genome, levels, height, parity, colour) {
  const x = [], columns = [];
  genome.chromosomes.forEach(([, , , offset, firstBin, nBins], chrom) => {
    if (chrom % 2 !== parity) return;
    for (let bin = 0; bin < nBins; bin += 1) {
      x.push(offset + (bin + 0.5) * genome.bin_width);
      columns.push(firstBin + bin);
    }
    // An empty column, so that no bin is drawn as wide as the chromosome that is left out here.
    x.push(offset + (nBins + 0.5) * genome.bin_width);
    columns.push(-1);
    const next = genome.chromosomes[chrom + 2];
    if (next) {
      x.push(next[3] - 0.5 * genome.bin_width);
      columns.push(-1);
    }
  });
  const z = levels.map((row) => columns.map((bin) => (bin >= 0 && row[bin] > 0 ? row[bin] : null)));
  return { type: "heatmap", name: "bins", x, y: levels.map((_, at) => (at + 0.5) * height), z, colorscale: norna.scaleOf(colour), zmin: 1, zmax: 6, showscale: false, hoverinfo: "skip", hoverongaps: false };
};

/** The same as squares, where they are so few that bins of a dot each would hardly be seen. */
norna.cellsTrace = function (genome, levels, height, parity, colour) {
  const x = [], y = [];
  genome.chromosomes.forEach(([, , , offset, firstBin, nBins], chrom) => {
    if (chrom % 2 !== parity) return;
    levels.forEach((row, at) => {
      for (let bin = 0; bin < nBins; bin += 1) {
        if (row[firstBin + bin] === 0) continue;
        x.push(offset + (bin + 0.5) * genome.bin_width);
        y.push((at + 0.5) * height);
      }
    });
  });
  return { type: "scatter", mode: "markers", name: "bins", x, y, marker: { color: colour, size: 4, symbol: "square", opacity: 0.65 }, hoverinfo: "skip" };
};

norna.pointsTrace = function (points, parity, colour) {
  const chosen = [];
  for (let k = 0; k < points.x.length; k += 1) if (points.chrom[k] % 2 === parity) chosen.push(k);
  const names = norna.data.genome.chromosomes;
  return {
    type: norna.charts.pointType(points.x.length), mode: "markers", name: "variants", x: chosen.map((k) => points.x[k]), y: chosen.map((k) => points.y[k]), marker: { color: colour, size: 5 },
    text: chosen.map((k) => `${names[points.chrom[k]][0]}:${norna.number.whole(points.pos[k])}<br>p = ${norna.number.p(points.y[k])}`.replace(/[<>&](?!br>)/g, " ")), hovertemplate: "%{text}<extra></extra>",
  };
};

norna.leadsTrace = function (leads, colours) {
  const at = (chrom) => norna.data.genome.chromosomes.find((one) => one[0] === chrom);
  const place = (lead) => { const [, first, , offset] = at(lead.pair[0]); return offset + lead.pair[1] - first; };
  return {
    type: "scatter", mode: "markers", x: leads.map(place), y: leads.map((lead) => lead.pair[8]), customdata: leads.map((_, k) => k), cliponaxis: false,
    marker: { symbol: "diamond", size: 11, color: colours.red, line: { color: colours.paper, width: 1.5 } },
    text: leads.map((lead) => norna.plain(`lead ${norna.pairName(lead.pair)}`) + `<br>p = ${norna.number.p(lead.pair[8])}`), hovertemplate: "%{text}<extra></extra>",
  };
};

/** Text that Plotly reads as it stands: it takes some letters for markup. */
norna.plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

/** A variant by its ID, else by place and alleles. */
norna.pairName = (pair) => (pair[2] !== "." ? pair[2] : `${pair[0]}:${pair[1]} ${norna.allele(pair[3])}>${norna.allele(pair[4])}`);
norna.allele = (allele) => (allele.length > 12 ? `${allele.slice(0, 10)}… (${allele.length} bases)` : allele);

norna.pairColumns = function (pairs) {
  const { number } = norna;
  return [
    { label: "Variant", key: (k) => (pairs[k][2] === "." ? `${pairs[k][0]}:${pairs[k][1]}` : pairs[k][2]), cell: (k) => norna.variantLink(pairs[k][2]), kind: "name" },
    { label: "Place", key: (k) => norna.placeKey(pairs[k][0], pairs[k][1]), cell: (k) => `${pairs[k][0]}:${number.whole(pairs[k][1])}`, kind: "place" },
    { label: "REF", key: (k) => pairs[k][3], cell: (k) => norna.allele(pairs[k][3]), title: "Other allele" },
    { label: "ALT", key: (k) => pairs[k][4], cell: (k) => norna.allele(pairs[k][4]), title: "Counted allele, A1" },
    { label: "A1 freq.", key: (k) => pairs[k][5], cell: (k) => number.short(pairs[k][5]), numeric: true },
    { label: "β", key: (k) => pairs[k][6], cell: (k) => number.short(pairs[k][6]), numeric: true, title: "Effect of one copy of ALT" },
    { label: "SE", key: (k) => pairs[k][7], cell: (k) => number.short(pairs[k][7]), numeric: true },
    { label: "p", key: (k) => pairs[k][8], cell: (k) => number.p(pairs[k][8]), numeric: true, title: "Sorted by −log10 p" },
  ];
};

norna.strongest = (i, charts) => norna.table(norna.pairColumns(charts.strongest), { caption: `The strongest variants of ${norna.data.traits.name[i]}`, n: charts.strongest.length, what: "variant", perPage: 25, sort: [7, true] });

norna.leads = function (i, charts) {
  const { el, number, data } = norna;
  const leads = charts.leads;
  const name = data.traits.name[i];
  const section = el("section", { id: "leads", "aria-labelledby": "leads-title" }, el("h2", { id: "leads-title" }, "Lead variants"), el("p", { class: "hint" }, data.clumping));
  if (leads.length === 0) {
    section.append(el("p", {}, `No variant has p ≤ ${number.p(data.lead_log10p)}.`));
    return section;
  }
  const columns = norna.pairColumns(leads.map((lead) => lead.pair)).concat([
    { label: "Stands for", key: (k) => leads[k].n_hits, cell: (k) => number.whole(leads[k].n_hits), numeric: true, title: "Variants that belong to it, itself included" },
    { label: "From – to", key: (k) => leads[k].span[1] - leads[k].span[0], cell: (k) => `${number.whole(leads[k].span[0])} – ${number.whole(leads[k].span[1])}`, kind: "place", title: "Sorted by the width" },
  ]);
  if (charts.regions && charts.regions.length > 0) {
    columns.push({ label: "Region", key: (k) => k, cell: (k) => (charts.regions[k] ? el("a", { href: `${norna.traitAddress(name)}/lead/${k}`, "aria-label": `Region of ${norna.pairName(leads[k].pair)}` }, "show") : "–") });
  }
  section.append(norna.table(columns, { id: "lead-table", caption: `Lead variants of ${name}`, n: leads.length, what: "lead variant", perPage: 25 }));
  if (charts.n_more_leads > 0) section.append(el("p", { class: "hint" }, `${number.count(charts.n_more_leads, "weaker lead")} are not listed: norna clump lists all.`));
  section.append(el("div", { id: "region", tabindex: "-1" }));
  return section;
};

norna.qq = function (i, charts) {
  const { number, data } = norna;
  const { expected, observed, n_tests: nTests, n_exact: nExact } = charts.qq;
  const lambda = data.traits.lambda[i];
  const top = observed.length > 0 ? observed[observed.length - 1] : 0;
  const draw = (colours) => {
    const most = Math.max(...expected, ...charts.band.expected, 1) * 1.04;
    const band = charts.band;
    return {
      traces: [
        { type: "scatter", mode: "lines", x: band.expected.concat(band.expected.slice().reverse()), y: band.high.concat(band.low.slice().reverse()), fill: "toself", fillcolor: `${colours.faint}38`, line: { width: 0 }, hoverinfo: "skip", name: "95 % of plots by chance", showlegend: true },
        { type: "scatter", mode: "lines", x: [0, most], y: [0, most], line: { color: colours.faint, width: 1, dash: "dash" }, hoverinfo: "skip", showlegend: false },
        { type: "scatter", mode: "markers", x: expected, y: observed, marker: { color: colours.blue, size: 5 }, name: "tests", hovertemplate: "expected %{x:.2f}, observed %{y:.2f}<extra></extra>" },
      ],
      layout: norna.charts.layout(colours, { height: 420, showlegend: true, xaxis: { title: { text: "Expected −log<sub>10</sub> p" }, range: [0, most] }, yaxis: { title: { text: "Observed −log<sub>10</sub> p" }, rangemode: "tozero" } }),
    };
  };
  if (nTests === 0 || observed.length === 0) return norna.charts.figure({ id: "qq", title: "QQ plot", summary: "No test has a p.", draw: (colours) => ({ traces: [], layout: norna.charts.layout(colours, { height: 120 }) }) });
  return norna.charts.figure({
    id: "qq", title: "QQ plot", moves: true, draw,
    summary: `${number.whole(nTests)} tests, λ = ${number.fixed(lambda, 3)}; the largest −log10 p is ${number.fixed(top, 2)} where chance leads to expect ${number.fixed(expected[expected.length - 1], 2)}. The ${number.whole(nExact)} strongest tests are drawn one by one, the others at the bins of their histogram. The band holds 95 % of plots of independent tests without any effect.`,
    table: () => norna.plainTable("QQ plot", ["Expected −log10 p", "Observed"], expected.map((x, k) => [number.fixed(x, 3), number.fixed(observed[k], 3)]).reverse(), [0, 1]),
  });
};
