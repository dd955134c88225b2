// Ordenar, buscar y filtrar la tabla del tablero, con DataTables (que viene en tablas.js).
// Lo elegido que no es lo de entrada queda en la dirección, y de ella se lee.
const asked = new URLSearchParams(location.search);
const form = document.getElementById("filtros");
const [search, predictions] = ["buscar", "predicciones"].map((id) => document.getElementById(id));
const titles = [...document.querySelectorAll("#tablero thead th")];
const keys = titles.map((title) => title.dataset.key);
const FIRST = "segundos";
const [COUNTS, PREDICTED] = [keys.indexOf("cuenta"), "Predicción"];

const [key, way] = (asked.get("orden") ?? FIRST).split("-").reverse();
const table = new DataTable("#tablero", {
  paging: false,
  order: [[Math.max(keys.indexOf(key), 0), way === undefined ? "asc" : "desc"]],
  layout: { topStart: null, topEnd: null, bottomStart: null, bottomEnd: null },
  language: {
    zeroRecords: "Ninguna fila cumple todo lo que has elegido. Quizá esté entre las predicciones.",
    aria: {
      orderable: ": pulsa para ordenar",
      orderableReverse: ": pulsa para ordenar al revés",
      orderableRemove: ": pulsa para dejar de ordenar",
    },
  },
});

const filters = titles.flatMap((title, index) => {
  if (title.dataset.filter === undefined) return [];
  const texts = new Map();
  table.column(index).nodes().each(({ dataset, textContent, firstElementChild }) => {
    if (!firstElementChild) texts.set(dataset.search, textContent);
    else if (index === COUNTS && dataset.search !== PREDICTED) texts.set(dataset.search, dataset.search);
  });
  const [filter, label, list] = ["div", "label", "select"].map((name) => document.createElement(name));
  list.add(new Option("todo", ""));
  [...texts]
    .sort(([one], [other]) => one.localeCompare(other, "es", { numeric: true }))
    .forEach(([value, text]) => list.add(new Option(text, value)));
  const first = texts.has(title.dataset.filter) ? title.dataset.filter : "";
  const { key } = title.dataset;
  list.value = asked.get(key) ?? first;
  if (list.selectedIndex < 0) list.value = first;
  label.textContent = title.textContent;
  list.id = label.htmlFor = `filtro-${key}`;
  filter.append(label, list);
  if (texts.size > 1) form.querySelector(".interruptor").before(filter);
  return [{ index, key, list, first }];
});
search.value = asked.get("q") ?? "";
predictions.checked = asked.has("predicciones");
form.hidden = false;

table.search.fixed("elegido", (_text, _data, row) => {
  const line = table.row(row).node();
  const predicted = line.cells[COUNTS].dataset.search === PREDICTED;
  if (predicted && !predictions.checked) return false;
  return filters.every(({ index, list }) =>
    !list.value || (predicted && index === COUNTS)
    || line.cells[index].dataset.search === list.value);
});
table.on("draw", () => {
  const told = new URLSearchParams();
  if (search.value) told.set("q", search.value);
  for (const { key, list, first } of filters) if (list.value !== first) told.set(key, list.value);
  if (predictions.checked) told.set("predicciones", "sí");
  const [[column, direction] = []] = table.order();
  const order = !direction ? FIRST : (direction === "desc" ? "-" : "") + keys[column];
  if (order !== FIRST) told.set("orden", order);
  const { recordsDisplay, recordsTotal } = table.page.info();
  document.getElementById("filas").textContent = `Filas: ${recordsDisplay} de ${recordsTotal}`;
  history.replaceState(null, "", `${location.pathname}${told.size ? `?${told}` : ""}`);
});

const apply = () => table.search(search.value).draw();
form.addEventListener("input", apply);
form.addEventListener("submit", (event) => event.preventDefault());
const choose = (id, everything) =>
  document.getElementById(id).addEventListener("click", () => {
    search.value = "";
    predictions.checked = everything;
    filters.forEach(({ list, first }) => { list.value = everything ? "" : first; });
    if (!everything) table.order([[keys.indexOf(FIRST), "asc"]]);
    apply();
  });
choose("todo", true);
choose("principio", false);
apply();
