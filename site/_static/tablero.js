// Ordenar, buscar y filtrar la tabla del tablero, con DataTables (que viene en tablas.js).
const table = new DataTable("#tablero", {
  paging: false,
  order: [[2, "asc"]],
  layout: { topStart: "search", topEnd: null, bottomStart: "info", bottomEnd: null },
  language: {
    search: "Buscar:",
    info: "Filas: _TOTAL_",
    infoEmpty: "Filas: 0",
    infoFiltered: "de _MAX_",
    zeroRecords: "Ninguna fila cumple todo lo que has elegido.",
    aria: {
      orderable: ": pulsa para ordenar",
      orderableReverse: ": pulsa para ordenar al revés",
      orderableRemove: ": pulsa para dejar de ordenar",
    },
  },
});

const spaced = (value) =>
  /^\d{5,}$/.test(value) ? value.replace(/\B(?=(\d{3})+$)/g, "\u00a0") : value;
const filters = document.getElementById("filtros");
table.columns("[data-filter]").every(function () {
  const values = new Set();
  this.nodes().each((cell) => values.add(cell.dataset.search ?? cell.textContent));
  if (values.size < 2) return;
  const filter = document.createElement("div");
  const label = document.createElement("label");
  const list = document.createElement("select");
  list.id = label.htmlFor = `filtro-${this.index()}`;
  label.textContent = this.title();
  list.add(new Option("todo", ""));
  [...values]
    .sort((one, other) => one.localeCompare(other, "es", { numeric: true }))
    .forEach((value) => list.add(new Option(spaced(value), value)));
  const apply = () => this.search(list.value, { exact: list.value !== "" }).draw();
  list.value = values.has(this.header().dataset.filter) ? this.header().dataset.filter : "";
  list.addEventListener("change", apply);
  apply();
  filter.append(label, list);
  filters.append(filter);
});
