// Proteins: where the variants of hits are against where the genes are.
"use strict";

norna.receiveCisTrans = (map) => { norna.cisTrans = map; };

norna.cisTransPage = function () {
  const { el } = norna;
  const room = el("div", {}, el("p", { class: "hint" }, "Loading …"));
  return {
    title: "Cis and trans",
    content: [el("h1", {}, "Cis and trans"), room],
    start: async () => {
      try {
        await norna.load("data/cis-trans.js");
      } catch (error) {
        room.replaceChildren(el("p", { class: "warning" }, error.message));
        return;
      }
      if (!room.isConnected) return;
      const figure = norna.cisTransMap(norna.cisTrans);
      room.replaceChildren(figure);
      await figure.start();
    },
  };
};

norna.cisTransMap = function (map) {
  const { number, data } = norna;
  const { axis, chrom, pos, trait_idx: traits, log10p, is_cis: isCis } = map;
  const genes = data.traits.gene;
  const chromosomes = new Map(axis.chromosomes.map((one) => [norna.chromosome(one[0]), one]));
  const placeOf = ([, first, , offset], at) => offset + at - first;
  const geneOf = (k) => genes[traits[k]];
  const y = traits.map((_, k) => placeOf(chromosomes.get(norna.chromosome(geneOf(k).chrom)), geneOf(k).tss));
  const x = pos.map((at, k) => placeOf(axis.chromosomes[chrom[k]], at));
  const all = pos.map((_, k) => k);
  const window = data.cis_window;
  const draw = (colours) => {
    const trace = (cis, name, colour, symbol) => {
      const chosen = all.filter((k) => Boolean(isCis[k]) === cis);
      return {
        type: norna.charts.pointType(all.length), mode: "markers", name, x: chosen.map((k) => x[k]), y: chosen.map((k) => y[k]),
        marker: { color: colour, symbol, size: chosen.map((k) => Math.min(14, 4 + Math.sqrt(log10p[k]))), opacity: 0.85, line: { width: 0 } }, customdata: chosen.map((k) => traits[k]),
        text: chosen.map((k) => norna.plain(`${data.traits.name[traits[k]]} (${geneOf(k).name})`) + `<br>variant ${norna.plain(axis.chromosomes[chrom[k]][0])}:${number.whole(pos[k])}<br>gene ${norna.plain(geneOf(k).chrom)}:${number.whole(geneOf(k).tss)}<br>p = ${number.p(log10p[k])}`), hovertemplate: `%{text}<extra>${name}</extra>`,
      };
    };
    const ticks = norna.genomeTicks(axis);
    const grid = axis.chromosomes.length > 1 ? axis.chromosomes.slice(1).flatMap(([, , , offset]) => [{ type: "line", x0: offset, x1: offset, yref: "paper", y0: 0, y1: 1, line: { color: colours.line, width: 1 }, layer: "below" }, { type: "line", y0: offset, y1: offset, xref: "paper", x0: 0, x1: 1, line: { color: colours.line, width: 1 }, layer: "below" }]) : [];
    const whole = norna.wholeGenome(axis);
    return {
      traces: [trace(false, "trans", colours.orange, "diamond"), trace(true, "cis", colours.blue, "circle")],
      layout: norna.charts.layout(colours, { height: 720, showlegend: true, shapes: grid, legend: { orientation: "h", x: 0, y: 1.01, yanchor: "bottom", itemsizing: "constant" },
        xaxis: { ...ticks, title: { text: `Variant: ${ticks.title.text}` }, range: whole, showgrid: false }, yaxis: { ...ticks, title: { text: `Gene: ${ticks.title.text}` }, range: whole, showgrid: false } }),
    };
  };
  const nShown = pos.length, nAll = map.n_cis + map.n_trans;
  const best = (cis) => all.filter((k) => Boolean(isCis[k]) === cis).sort((a, b) => log10p[b] - log10p[a])[0];
  const told = (k) => (k === undefined ? "" : `; the strongest is of ${data.traits.name[traits[k]]}, p = ${number.p(log10p[k])}`);
  const summary = `${number.count(map.n_cis, "hit")} within ${number.whole(window)} bases of the gene of the protein (cis)${told(best(true))}; ${number.count(map.n_trans, "hit")} elsewhere (trans)${told(best(false))}.`
    + (map.n_without_gene > 0 ? ` ${number.count(map.n_without_gene, "hit")} of proteins whose gene has no place ${map.n_without_gene === 1 ? "is" : "are"} not drawn.` : "")
    + (nShown < nAll ? ` Of hits that fall on one dot the strongest is drawn: ${number.whole(nShown)} of ${number.whole(nAll)}.` : "");
  const order = all.slice().sort((a, b) => log10p[b] - log10p[a]);
  return norna.charts.figure({
    id: "cis-trans", title: "Variants against genes", moves: true, summary, draw,
    after: (plot) => {
      plot.wholeRange = norna.wholeGenome(axis);
      plot.on("plotly_click", (event) => { location.hash = norna.traitAddress(data.traits.name[event.points[0].customdata]); });
    },
    table: () => norna.table([
      { label: "Trait", key: (k) => data.traits.name[traits[order[k]]], cell: (k) => norna.el("a", { href: norna.traitAddress(data.traits.name[traits[order[k]]]) }, data.traits.name[traits[order[k]]]), kind: "name" },
      { label: "Gene", key: (k) => geneOf(order[k]).name, kind: "name" },
      { label: "Gene starts at", key: (k) => y[order[k]], cell: (k) => `${geneOf(order[k]).chrom}:${number.whole(geneOf(order[k]).tss)}`, kind: "place" },
      { label: "Variant", key: (k) => x[order[k]], cell: (k) => `${axis.chromosomes[chrom[order[k]]][0]}:${number.whole(pos[order[k]])}`, kind: "place" },
      { label: "Side", key: (k) => (isCis[order[k]] ? "cis" : "trans") },
      { label: "p", key: (k) => log10p[order[k]], cell: (k) => number.p(log10p[order[k]]), numeric: true },
    ], { caption: "Hits that are drawn, strongest first", n: order.length, what: "hit", perPage: 25 }),
  });
};
