/** Las piezas con las que se dibuja: elementos, cifras escritas y gráficos en SVG. */

/** Un elemento de HTML; lo que lleva dentro, si es un texto, solo es texto. */
export function make(name, attributes = {}, ...inside) {
  return fill(document.createElement(name), attributes, inside);
}

const draw = (name, attributes = {}, ...inside) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, inside);

function fill(element, attributes, inside) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...inside);
  return element;
}

/** Una cifra con tres significativas y, si es de cinco o más, con sus millares separados. */
export function written(value, unit = "") {
  if (value === null || !Number.isFinite(value)) return "-";
  const digits = Math.abs(value) >= 100 ? 0 : Math.min(6, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  let text = value.toFixed(Math.max(0, digits));
  if (text.includes(".")) text = text.replace(/\.?0+$/, "");
  if (Math.abs(value) >= 1e4) text = text.replace(/\B(?=(\d{3})+$)/g, "\u00a0");
  return unit ? `${text}\u00a0${unit}` : text;
}

const WIDTH = 360;

/** Las potencias de diez de un eje. */
function ticks(low, high) {
  const powers = [];
  for (let power = Math.ceil(Math.log10(low)); 10 ** power <= high; power++) powers.push(10 ** power);
  return powers;
}

/** Las dos potencias de diez entre las que cabe todo. */
const around = (values) => [
  10 ** Math.floor(Math.log10(Math.min(...values))), 10 ** Math.ceil(Math.log10(1.01 * Math.max(...values))),
];

/** Una escala logarítmica: a qué punto del dibujo va cada valor. */
const scale = (low, high, start, end) => (value) =>
  start + (Math.log(value / low) / Math.log(high / low)) * (end - start);

/**
 * Filas con un punto cada una, en escala logarítmica: son puntos porque en esa escala el largo de una
 * barra no dice nada.
 * @param {{name: string, kind: string, value: number | null, text: string}[]} rows
 */
export function dots(rows, label) {
  const [low, high] = around(rows.flatMap(({ value }) => value ?? []));
  const x = scale(low, high, 8, WIDTH - 20), bottom = 40 * rows.length;
  const marks = ticks(low, high).flatMap((tick) => [
    draw("line", { x1: x(tick), x2: x(tick), y1: 24, y2: bottom + 4, class: "rejilla" }),
    draw("text", { x: x(tick), y: bottom + 18, "text-anchor": tick === low ? "start" : "middle" }, written(tick)),
  ]);
  const lines = rows.flatMap(({ name, kind, value, text }, row) => [
    draw("line", { x1: 8, x2: WIDTH - 20, y1: 40 * row + 30, y2: 40 * row + 30, class: "rejilla" }),
    draw("text", { x: 8, y: 40 * row + 18 }, `${name}: `, draw("tspan", { class: "cifra" }, text)),
    value ? mark(kind, x(value), 40 * row + 30) : "",
  ]);
  return svg(bottom + 24, label, [...marks, ...lines]);
}

function mark(kind, x, y) {
  return kind === "gpu"
    ? draw("rect", { x: x - 4.5, y: y - 4.5, width: 9, height: 9, class: kind })
    : draw("circle", { cx: x, cy: y, r: 5, class: kind });
}

function svg(height, label, inside) {
  return draw("svg", { viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": label }, ...inside);
}

/**
 * Líneas y puntos, con los dos ejes en escala logarítmica.
 * @param {{kind: string, points: [number, number][], line?: boolean, marks?: boolean}[]} series
 * @param {{label: string, x: number[], xName: string, yName: string}} axes en `x`, sus marcas
 */
export function curves(series, { label, x: marked, xName, yName }) {
  const [bottom, top] = around(series.flatMap(({ points }) => points.map(([, y]) => y)));
  const x = scale(marked[0], marked.at(-1), 50, WIDTH - 14), y = scale(bottom, top, 200, 24);
  const grid = [
    ...ticks(bottom, top).flatMap((tick) => [
      draw("line", { x1: 44, x2: WIDTH - 8, y1: y(tick), y2: y(tick), class: "rejilla" }),
      draw("text", { x: 40, y: y(tick) + 4, "text-anchor": "end" }, written(tick)),
    ]),
    ...marked.map((tick) => draw("text", { x: x(tick), y: 218, "text-anchor": "middle" }, written(tick))),
    draw("text", { x: 4, y: 12 }, yName),
    draw("text", { x: WIDTH - 8, y: 236, "text-anchor": "end" }, xName),
  ];
  const drawn = series.flatMap(({ kind, points, line = true, marks = true }) => [
    line ? draw("polyline", { points: points.map(([a, b]) => `${x(a)},${y(b)}`).join(" "), class: `linea ${kind}` }) : "",
    ...(marks ? points.map(([a, b]) => mark(kind, x(a), y(b))) : []),
  ]);
  return svg(242, label, [...grid, ...drawn]);
}

/** El cuadro de alrededor del primer elemento mal: llenos, los que lo están; con aspa, el primero. */
export function mistakes({ row, column, top, left, wrong }) {
  const side = 22, cells = wrong.flatMap((line, i) =>
    line.flatMap((bad, j) => {
      const at = { x: 60 + side * j, y: 22 + side * i, width: side - 3, height: side - 3 };
      const first = top + i === row && left + j === column;
      return [
        draw("rect", { ...at, class: bad ? "mal" : "bien" }),
        first ? draw("path", { d: `M${at.x + 4} ${at.y + 4}l11 11m0 -11l-11 11`, class: "aspa" }) : "",
      ];
    }),
  );
  const names = [
    draw("text", { x: 60, y: 14 }, `columna ${left}`),
    draw("text", { x: 54, y: 38, "text-anchor": "end" }, `fila ${top}`),
  ];
  const count = wrong.flat().filter(Boolean).length;
  const label = `De un cuadro de 8 por 8 elementos, desde la fila ${top} y la columna ${left}, están mal ${count}`;
  return svg(22 + side * wrong.length, label, [...names, ...cells]);
}
