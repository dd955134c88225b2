// Ordenar, buscar y filtrar la tabla del tablero, con DataTables (que viene en tablas.js).
const tabla = new DataTable("#tablero", {
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

const filtros = document.getElementById("filtros");
tabla.columns("[data-filter]").every(function () {
  const valores = new Set();
  this.nodes().each((casilla) => valores.add(casilla.dataset.search ?? casilla.textContent));
  if (valores.size < 2) return;
  const filtro = document.createElement("div");
  const etiqueta = document.createElement("label");
  const lista = document.createElement("select");
  lista.id = etiqueta.htmlFor = `filtro-${this.index()}`;
  etiqueta.textContent = this.title();
  lista.add(new Option("todo", ""));
  [...valores]
    .sort((uno, otro) => uno.localeCompare(otro, "es", { numeric: true }))
    .forEach((valor) => lista.add(new Option(valor, valor)));
  const filtrar = () => this.search(lista.value, { exact: lista.value !== "" }).draw();
  lista.value = valores.has(this.header().dataset.filter) ? this.header().dataset.filter : "";
  lista.addEventListener("change", filtrar);
  filtrar();
  filtro.append(etiqueta, lista);
  filtros.append(filtro);
});
