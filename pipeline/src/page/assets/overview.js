// All traits: what the run was, how far its tests are inflated, and a table to search and sort.
"use strict";

norna.fact = (label, value, note) => norna.el("div", { class: "fact" }, norna.el("dt", {}, label), norna.el("dd", {}, value, note && norna.el("small", {}, note)));

norna.overviewPage = function () {
  const { el, number, data } = norna;
  const traits = data.traits;
  const lambdas = traits.lambda.filter((lambda) => lambda !== null).sort((a, b) => a - b);
  const quantile = (q) => lambdas[Math.min(lambdas.length - 1, Math.floor(q * lambdas.length))];
  const withHits = traits.hits.filter((n) => n > 0).length;
  const nHits = traits.hits.reduce((sum, n) => sum + n, 0);
  const part = data.n_traits_in_file > traits.name.length ? `of ${number.whole(data.n_traits_in_file)} in the file` : "";
  const facts = el("dl", { class: "facts" },
    norna.fact("Traits", number.whole(traits.name.length), part),
    norna.fact("Variants", number.whole(data.n_variants)),
    norna.fact("Samples", number.whole(data.n_samples)),
    norna.fact("Hits", number.whole(nHits), `p ≤ ${number.p(data.hit_log10p)}, in ${number.count(withHits, "trait")}`),
    norna.fact("Genomic control λ", number.fixed(quantile(0.5), 3), lambdas.length > 1 ? `median; ${number.fixed(lambdas[0], 3)} to ${number.fixed(lambdas[lambdas.length - 1], 3)}` : ""),
    norna.fact("Store", data.store, `written by norna ${data.written_by}`));
  const warnings = data.warnings.map((text) => el("p", { class: "warning" }, text));
  const chart = lambdas.length > 1 ? norna.lambdaChart(lambdas) : null;
  return {
    title: data.file,
    content: [el("h1", {}, `Results of ${data.file}`), facts, warnings, el("section", { "aria-labelledby": "all-traits" }, el("h2", { id: "all-traits" }, "All traits"), norna.traitTable()), chart],
    start: () => { if (chart) setTimeout(chart.start, 50); },
  };
};

norna.traitTable = function () {
  const { el, number, data } = norna;
  const { name, n, cases, hits, lambda, status, lead, gene } = data.traits;
  const columns = [{ label: "Trait", key: (i) => name[i], cell: (i) => el("a", { href: norna.traitAddress(name[i]) }, name[i]), kind: "name" }];
  if (gene) columns.push({ label: "Gene", key: (i) => (gene[i] ? gene[i].name : ""), kind: "name" });
  columns.push({ label: "N", key: (i) => n[i], cell: (i) => number.whole(n[i]), numeric: true, title: "Samples with a value" });
  if (cases) columns.push({ label: "Cases", key: (i) => cases[i], cell: (i) => number.whole(cases[i]), numeric: true });
  columns.push(
    { label: "Hits", key: (i) => hits[i], cell: (i) => number.whole(hits[i]), numeric: true, title: `Variants with p ≤ ${number.p(data.hit_log10p)}` },
    { label: "λ", key: (i) => lambda[i], cell: (i) => number.fixed(lambda[i], 3), numeric: true, title: "Genomic control: median test over what chance gives" },
    { label: "Strongest variant", key: (i) => (lead[i] ? lead[i][2] : ""), cell: (i) => (lead[i] ? norna.variantName(lead[i]) : "–"), kind: "name", title: "Of variants with p ≤ 1e−4; a dash where there is none" },
    { label: "Place", key: (i) => (lead[i] ? norna.placeKey(lead[i][0], lead[i][1]) : null), cell: (i) => (lead[i] ? `${lead[i][0]}:${number.whole(lead[i][1])}` : "–"), kind: "place" },
    { label: "p", key: (i) => (lead[i] ? lead[i][3] : null), cell: (i) => (lead[i] ? number.p(lead[i][3]) : "–"), numeric: true, title: "Smallest p of the trait; sorted by −log10 p" });
  if (status.some((text) => text !== "")) columns.push({ label: "Status", key: (i) => status[i].replace(/_/g, " "), kind: "name" });
  const words = name.map((text, i) => [text, gene && gene[i] ? `${gene[i].name} ${gene[i].id} ${gene[i].assay} ${gene[i].uniprot}` : "", lead[i] ? lead[i][2] : ""].join(" ").toLowerCase());
  return norna.table(columns, { id: "traits", caption: "Traits", n: name.length, what: "trait", search: (i) => words[i], searchLabel: "Search traits", placeholder: gene ? "trait, gene, protein, variant" : "trait or variant" });
};

/** Of a lead: its ID, else nothing, since its place stands beside it. */
norna.variantName = (lead) => (lead[2] === "." ? "–" : lead[2]);

/** Places in the order of the genome. */
norna.placeKey = function (chrom, pos) {
  const at = norna.data.genome.chromosomes.findIndex((chromosome) => chromosome[0] === chrom);
  return (at < 0 ? 1e6 : at) * 4294967296 + pos;
};

norna.lambdaChart = function (lambdas) {
  const { number } = norna;
  const [low, high] = [lambdas[0], lambdas[lambdas.length - 1]];
  const nBins = Math.max(1, Math.min(60, Math.ceil(Math.sqrt(lambdas.length) * 2)));
  const width = Math.max((high - low) / nBins, 1e-6);
  const counts = new Array(nBins).fill(0);
  for (const lambda of lambdas) counts[Math.min(nBins - 1, Math.floor((lambda - low) / width))] += 1;
  const middle = counts.map((_, bin) => low + (bin + 0.5) * width);
  return norna.charts.figure({
    id: "lambda-chart", title: "Genomic control over all traits", moves: true,
    summary: `λ of ${number.count(lambdas.length, "trait")}: median ${number.fixed(lambdas[Math.floor(lambdas.length / 2)], 3)}, from ${number.fixed(low, 3)} to ${number.fixed(high, 3)}. Where tests follow chance λ is near 1.`,
    draw: (colours) => ({
      traces: [{ type: "bar", x: middle, y: counts, width: width * 0.94, marker: { color: colours.blue }, hovertemplate: "λ %{x:.3f}: %{y} traits<extra></extra>" }],
      layout: norna.charts.layout(colours, { height: 260, bargap: 0, xaxis: { title: { text: "λ" } }, yaxis: { title: { text: "Traits" }, fixedrange: true },
        shapes: [{ type: "line", x0: 1, x1: 1, yref: "paper", y0: 0, y1: 1, line: { color: colours.red, width: 1.5, dash: "dash" } }] }),
    }),
    table: () => norna.plainTable("Traits by λ", ["λ from", "to", "Traits"], counts.map((n, bin) => [number.fixed(low + bin * width, 3), number.fixed(low + (bin + 1) * width, 3), number.whole(n)]), [0, 1, 2]),
  });
};
