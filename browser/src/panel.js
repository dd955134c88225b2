/** Lo que se ve: los botones, el progreso, los gráficos, los mandos, el editor y la comparación. */
import { curves, dots, make, mistakes, written } from "./chart.js";
import { COLUMNS, CompileError, LostError, PLAIN, firstFault, loops, product, sum, unlessLost } from "./kernels.js";
import { FULL, WORK, crossing, findAdapter, measure, openDevice } from "./measure.js";
import style from "./panel.css";
import { decode, encode, parse, quotient, remember, sessions, stringify } from "./share.js";

const RUNGS = {
  loops: ["Bucles de JavaScript", "cpu"],
  wasm: ["WASM, con jax-js", "cpu"],
  plain: ["Shader sencillo", "gpu"],
  tiled: ["Shader con mosaicos", "gpu"],
  engine: ["jax-js en la GPU", "gpu"],
};
const NO_GPU = {
  insecure: "Esta página no se ha abierto por https, y sin eso ningún navegador deja usar la GPU: solo se mide la CPU.",
  missing: "Este navegador no deja usar la GPU con WebGPU, y solo se mide la CPU. Lo tienen Chrome y Edge, Safari desde la versión 26 y, en parte, Firefox; en Android, Firefox no.",
  software: "Esto no es una GPU, sino un programa que la imita: no se da ningún tiempo suyo.",
  wrong: "La GPU no calcula lo mismo: su tiempo no cuenta.",
  lost: "El navegador ha perdido la GPU a media medida: pasa si tarda mucho en responder o si el equipo se duerme. Recarga la página y vuelve a medir.",
  memory: "A la GPU no le queda memoria: lo que falta no se ha medido. Cierra otras pestañas y programas, recarga la página y vuelve a medir.",
  failed: "La GPU ha fallado, y lo que falta no se ha medido. Recarga la página y vuelve a medir.",
};
const WARNINGS = {
  hidden: "La página ha estado escondida mientras medía, y a las escondidas el navegador las frena: esta sesión no se compara.",
  battery: "El equipo no está enchufado: con la batería suele ir más despacio.",
  memory: "A la CPU no le caben los lotes mayores, y sin ella no se comprueba a la GPU.",
};

const paragraph = (...inside) => make("p", {}, ...inside);
const term = (text) => make("strong", {}, text);
const foreign = (text) => make("em", {}, text);

/** Una tabla que, si no cabe, se desplaza ella sola; la primera columna da nombre a cada fila. */
function table(caption, head, rows) {
  return make("div", { class: "tabla", tabindex: 0, role: "region", "aria-label": caption },
    make("table", {},
      make("caption", {}, caption),
      make("thead", {}, make("tr", {}, ...head.map((each) => make("th", { scope: "col" }, each)))),
      make("tbody", {}, ...rows.map(([name, ...cells]) =>
        make("tr", {}, make("th", { scope: "row" }, name), ...cells.map((each) => make("td", {}, each)))))));
}

const legend = (...kinds) =>
  make("p", { class: "leyenda" }, ...kinds.flatMap(([kind, text]) => [make("span", { class: `marca ${kind}` }), text, " "]));

const cpuName = (threads) => `CPU (${threads === 1 ? "un hilo" : `${threads} hilos`})`;

const alert = (text) => make("p", { class: "aviso" }, text);

/** Lo que la GPU, o un shader, no calcula bien, y el dibujo de dónde. */
function faulty(who, fault) {
  const parts = [paragraph(`${who}: no da lo mismo que la CPU, y su tiempo no cuenta.`)];
  if (fault) {
    const { total, row, column, expected, found } = fault;
    parts.push(
      paragraph(`Están mal ${written(total)} elementos. El primero, el de la fila ${row} y la columna ${column}: debía ser ${expected.toPrecision(6)} y es ${found.toPrecision(6)}.`),
      mistakes(fault));
  }
  return make("div", { class: "aviso" }, ...parts);
}

function ladderSection({ ladder, adapter }) {
  const rows = Object.entries(RUNGS).map(([key, [name, kind]]) => {
    const times = ladder[key] && key !== "loops" ? ` (×${written(ladder[key] / ladder.loops)})` : "";
    return { name, kind, value: ladder[key] && ladder[key] / 1e9, text: ladder[key] ? written(ladder[key] / 1e9) + times : "sin medir" };
  });
  const told = rows.map(({ name, text }) => `${name}, ${text}`).join("; ");
  return make("section", {},
    make("h2", {}, "La escalera"),
    paragraph(`Es la segunda convolución de la red, con ${FULL.images} imágenes, puesta como un producto de matrices: la misma cuenta, de cinco maneras. En GFLOP/s, miles de millones de operaciones por segundo; entre paréntesis, veces los bucles.`),
    dots(rows, `GFLOP/s de cada peldaño: ${told}`),
    legend(["cpu", "CPU"], ["gpu", adapter?.software ? "GPU imitada" : "GPU"]),
    make("details", {},
      make("summary", {}, "Qué es cada cosa, y por qué da menos que TensorFlow"),
      paragraph(term("WASM"), " es código compilado que el navegador ejecuta en el procesador. Hace cuatro cuentas a la vez en cada núcleo, con carriles de 128\u00a0bits; TensorFlow usa los que tenga el procesador, de 256 o 512, y todos los núcleos. Aquí trabaja un solo núcleo, salvo en las páginas aisladas, que esta no suele ser."),
      paragraph(term("WebGPU"), " es la puerta del navegador a la GPU, y un ", foreign("shader"), ", el programa pequeño que ella ejecuta en miles de hilos a la vez. El sencillo lee de la memoria cada número muchas veces; el de los mosaicos lo trae una vez a la memoria de cada grupo de hilos y lo comparte. jax-js escribe los suyos."),
      paragraph("TensorFlow llama a las bibliotecas del fabricante de la GPU, con sus unidades para matrices. Una página no puede: el navegador comprueba cada petición, y un ", foreign("shader"), " tiene que servir para todas las GPU. Estas cifras no se comparan con las de TensorFlow.")));
}

function numbersSection({ cpu, gpu, empty_seconds: empty, threads }) {
  const cells = (read) => [cpu, gpu].map((each) => (each ? written(read(each)) : "-"));
  return make("section", {},
    make("h2", {}, "Los números de tu equipo"),
    table("Con ellos se predice lo que tarda un paso", ["", cpuName(threads), "GPU"], [
      ["GFLOP/s de un producto de matrices", ...cells(({ flops }) => flops / 1e9)],
      ["GB/s al copiar memoria", ...cells(({ bytes_per_second: speed }) => speed / 1e9)],
      ["µs de cada petición", ...cells(({ order_seconds: order }) => 1e6 * order)],
      ["µs del paso vacío", ...cells(({ idle_seconds: idle }) => 1e6 * idle)],
    ]),
    gpu && empty ? paragraph(`A la GPU, una petición vacía le cuesta ${written(1e6 * empty, "µs")}: el resto es lo que tardan el navegador y jax-js en prepararla.`) : "");
}

function trainingSection({ training, losses, threads }) {
  const rows = training.map(({ batch, cpu, gpu }) => [
    `${batch}`, written(cpu), written(gpu), gpu ? `${written(gpu / cpu)}×` : "-",
  ]);
  const points = (key) => training.flatMap((each) => (each[key] ? [[each.batch, each[key]]] : []));
  const cpu = { kind: "cpu", points: points("cpu") }, gpu = { kind: "gpu", points: points("gpu") };
  const cross = crossing(training), best = training.at(-1);
  let said = "";
  if (gpu.points.length) {
    const winner = best.gpu > best.cpu ? "la GPU" : "la CPU";
    said = cross ? `Se cruzan hacia el lote de ${written(cross)}: con los mayores gana ${winner}.` : `Con todos los lotes medidos gana ${winner}.`;
  }
  const steps = losses.cpu.flatMap((loss, i) => (i && (i + 1) % 5 ? [] : [[`${i + 1}`, loss.toFixed(6), losses.gpu?.[i]?.toFixed(6) ?? "-"]]));
  return make("section", {},
    make("h2", {}, "La red del curso, contra el reloj"),
    paragraph("Es la del cuaderno 01, sin Dropout, con Adam y las mismas fotos, en la CPU y en la GPU desde los mismos pesos. Se sube de lote mientras un paso de la CPU dure menos de 5\u00a0s: a la GPU la comprueba ella."),
    table("Imágenes por segundo según el lote", ["Lote", cpuName(threads), "GPU", "Veces"], rows),
    curves([cpu, gpu], { label: "Imágenes por segundo según el lote, en la CPU y en la GPU", x: training.map(({ batch }) => batch), xName: "imágenes por lote", yName: "imágenes/s" }),
    legend(["cpu", "CPU"], ["gpu", "GPU"]),
    paragraph(said),
    table(`La pérdida, paso a paso, con un lote de ${losses.batch}`, ["Paso", "CPU", "GPU"], steps));
}

/** Segundos de cada parte de un paso: el modelo de tiempos del cuaderno 02. */
function stepParts(work, batch, numbers) {
  return {
    "Paso vacío": numbers.idle_seconds,
    Peticiones: work.orders * numbers.order_seconds,
    Cuentas: (batch * work.operations) / numbers.flops,
    Memoria: (batch * work.bytes_moved + work.weight_bytes) / numbers.bytes_per_second,
  };
}

const KNOBS = [
  ["idle_seconds", "Paso vacío", 1e6, "µs"], ["order_seconds", "Cada petición", 1e6, "µs"],
  ["flops", "Cuentas", 1e-9, "GFLOP/s"], ["bytes_per_second", "Memoria", 1e-9, "GB/s"],
];

function predictorSection(result) {
  const { training, work } = result, drawing = make("div"), batches = [1, 4, 16, 64, 256, 1024, 4096];
  let place = result.gpu ? "gpu" : "cpu", batch = 64, numbers;
  const seconds = (size) => Object.values(stepParts(work, size, numbers)).reduce((a, b) => a + b);
  const update = () => {
    const parts = stepParts(work, batch, numbers), total = seconds(batch);
    const seen = training.flatMap((each) => (each[place] ? [[each.batch, each[place]]] : []));
    const errors = seen.map(([size, speed]) => {
      const error = 100 * ((seconds(size) * speed) / size - 1);
      return `${error < 0 ? "−" : "+"}${written(Math.abs(error), "%")} con ${size}`;
    });
    const bars = Object.entries(parts).map(([name, each]) =>
      make("div", { class: "parte" }, make("span", {}, `${name}: ${written(1e3 * each, "ms")}`),
        make("span", { class: "barra", style: `inline-size: ${(100 * each) / total}%` })));
    drawing.replaceChildren(
      paragraph(`Un paso de ${batch}: ${written(1e3 * total, "ms")}, o ${written(batch / total, "imágenes/s")}.`),
      ...bars,
      curves([{ kind: "modelo", marks: false, points: batches.map((size) => [size, size / seconds(size)]) }, { kind: place, line: false, points: seen }],
        { label: "Imágenes por segundo según el lote: las predichas y las medidas", x: batches, xName: "imágenes por lote", yName: "imágenes/s" }),
      legend(["modelo", "el modelo"], [place, "lo medido"]),
      paragraph(`Lo que le sobra (+) o le falta (−) al tiempo del modelo: ${errors.join("; ")}.`));
  };
  const slider = (title, steps, start, choose) => {
    const shown = make("output"), input = make("input", { type: "range", min: 0, max: steps, value: start, "aria-label": title });
    const move = () => (shown.textContent = choose(+input.value));
    input.addEventListener("input", () => (move(), update()));
    move();
    return make("label", { class: "mando" }, make("span", {}, title, ": ", shown), input);
  };
  const knobs = make("div", { class: "mandos" });
  const reset = () => {
    numbers = { ...result[place] };
    knobs.replaceChildren(
      ...KNOBS.map(([name, title, factor, unit]) => slider(title, 20, 10, (step) => {
        numbers[name] = result[place][name] * 2 ** ((step - 10) / 2);
        return written(factor * numbers[name], unit);
      })),
      slider("Lote", 12, Math.log2(batch), (step) => `${(batch = 2 ** step)}`));
    update();
  };
  reset();
  const choice = (key, text) => make("label", { class: "opcion" },
    make("input", { type: "radio", name: "de", checked: key === place, disabled: !result[key], onchange: () => ((place = key), reset()) }), text);
  return make("section", {},
    make("h2", {}, "¿Y si tuvieras otro?"),
    paragraph("Un paso de entrenamiento es, según el cuaderno 02, un paso vacío, sus peticiones, sus cuentas y lo que mueve por la memoria, en fila. Los mandos empiezan en lo medido aquí; cada uno va de 32 veces menos a 32 veces más."),
    make("fieldset", {}, make("legend", {}, "Empezar por los números de"), choice("cpu", "la CPU"), choice("gpu", "la GPU")),
    make("button", { type: "button", onclick: reset }, "Volver a lo medido"),
    knobs, drawing,
    make("p", { class: "pequeno" }, `Un paso de la red son ${work.orders} peticiones a la GPU; por imagen, ${written(work.operations / 1e6)} millones de operaciones y ${written(work.bytes_moved / 1e6, "MB")}; y ${written(work.weight_bytes / 1e6, "MB")} de pesos, haya las que haya.`));
}

function editorSection(options) {
  const code = make("textarea", { id: "wgsl", rows: PLAIN.split("\n").length, spellcheck: "false", autocapitalize: "off", autocomplete: "off" });
  code.value = PLAIN;
  const said = make("div", { role: "status" });
  const say = (...inside) => said.replaceChildren(...inside);
  const images = Math.min(8, options.amount?.images ?? 8), account = sum(images);
  let expected = null;
  const tryIt = async () => {
    button.disabled = true;
    say(paragraph("Probando…"));
    let device;
    try {
      const { adapter, info, why } = await findAdapter();
      if (!adapter) return say(alert(NO_GPU[why]));
      if (!expected) loops(account, (expected = new Float32Array(account.rows * COLUMNS)), 0, account.rows);
      device = await openDevice(adapter);
      const { values, seconds } = await unlessLost([device], product(device, code.value, account, { least: 50, rounds: 3 }));
      const fault = firstFault(expected, values, COLUMNS);
      if (fault) say(faulty("Tu shader", fault));
      else {
        const speed = written((2 * account.rows * account.inner * COLUMNS) / seconds / 1e9, "GFLOP/s");
        const real = options.allowSoftware || !info.software;
        say(paragraph(`Da lo mismo que los bucles de JavaScript. ${real ? `Va a ${speed}.` : NO_GPU.software}`));
      }
    } catch (error) {
      if (!(error instanceof CompileError)) return say(alert(NO_GPU[error instanceof LostError ? "lost" : "failed"]), quoted(error.message));
      const [{ line }] = error.messages, lines = code.value.split("\n");
      if (line) {
        const from = lines.slice(0, line - 1).join("\n").length + (line > 1);
        code.focus();
        code.setSelectionRange(from, from + lines[line - 1].length);
      }
      say(alert(`No compila${line ? `: mira la línea ${line}, que queda elegida` : ""}. El compilador lo cuenta en inglés:`),
        ...error.messages.map(({ line, text }) => quoted(line ? `${line}: ${text}` : text)));
    } finally {
      device?.destroy();
      button.disabled = false;
    }
  };
  const button = make("button", { type: "button", onclick: tryIt }, "Probar");
  return make("section", {},
    make("h2", {}, "Tu ", foreign("shader")),
    paragraph("Este es el sencillo, en WGSL, el lenguaje de WebGPU: cada hilo calcula un elemento del resultado. Cámbialo y pruébalo: se comprueba con lo que dan los bucles y, si está mal, se dibuja dónde. Por ejemplo, ¿qué pasa si ", make("code", {}, "k"), " empieza en ", make("code", {}, "1u"), "? ¿Y si los grupos son de 8 × 8?"),
    make("label", { for: "wgsl" }, "El programa, en WGSL"), code, button,
    make("button", { type: "button", onclick: () => ((code.value = PLAIN), say()) }, "Volver al original"), said);
}

const quoted = (text) => make("pre", { lang: "en", tabindex: 0, "aria-label": "Lo que dice el compilador" }, text);

const nameOf = ({ adapter, cores }) => {
  const told = adapter && (adapter.description || `${adapter.vendor} ${adapter.architecture}`.trim());
  return `${told || "GPU sin nombre"}, ${cores} núcleos`;
};

/** Compara las sesiones de este equipo con las de otro. */
function comparison(here, there) {
  const calm = (each) => each.filter(({ warnings }) => !warnings.includes("hidden"));
  const sides = [calm(here), calm(there)], [mine] = here.slice(-1), [theirs] = there.slice(-1);
  const found = [make("h3", {}, "Este equipo y el otro")];
  const told = (side) => `${nameOf(side.at(-1))} (sesiones: ${side.length})`;
  found.push(paragraph(`El otro: ${told(there)}. ${mine ? `Este: ${told(here)}.` : "Este aún no se ha medido: pulsa «Medir»."}`));
  if (mine && mine.engine !== theirs.engine) return [...found, alert("Se midieron con versiones distintas de jax-js: no se comparan.")];
  const rows = [];
  for (const place of ["cpu", "gpu"]) {
    if (mine && place === "cpu" && mine.threads !== theirs.threads) continue;
    for (const { batch } of theirs.training) {
      const [a, b] = sides.map((side) => side.flatMap(({ training }) => training.find((each) => each.batch === batch)?.[place] ?? []));
      if (!b.length) continue;
      const middle = (values) => (values.length ? written(Math.exp(values.map(Math.log).reduce((x, y) => x + y) / values.length)) : "-");
      const ratio = a.length ? quotient(a, b) : null, sure = ratio && Math.min(a.length, b.length) > 1;
      const verdict = !sure ? "sin veredicto" : ratio.low > 1 ? "más rápido" : ratio.high < 1 ? "más lento" : "no se distingue";
      const times = ratio && `${written(ratio.value)}×${sure ? ` (de ${written(ratio.low)} a ${written(ratio.high)})` : ""}: ${verdict}`;
      rows.push([`${place.toUpperCase()}, lote de ${batch}`, middle(a), middle(b), times ?? "-"]);
    }
  }
  if (mine && mine.threads !== theirs.threads) {
    found.push(paragraph("Las CPU no se comparan: una midió con más hilos que la otra."));
  }
  if (rows.length) found.push(table("Imágenes por segundo de la red", ["", "Este", "El otro", "Este, veces el otro (intervalo del 95 %)"], rows));
  if (mine && Math.min(...sides.map((side) => side.length)) < 2) {
    found.push(alert("Una sola sesión de alguno de los dos: todavía no hay veredicto. Cierra esta página, ábrela otro rato y mide otra vez; las sesiones se guardan aquí y viajan en el enlace."));
  }
  return found;
}

function shareSection(page) {
  const compared = make("div"), link = make("input", { id: "enlace", readonly: true, type: "url" }), said = make("span", { role: "status" });
  let there = null;
  const save = () => {
    const url = URL.createObjectURL(new Blob([stringify(sessions())], { type: "application/json" }));
    make("a", { href: url, download: "mi-gpu.json" }).click();
    URL.revokeObjectURL(url);
  };
  const copy = async () => {
    link.select();
    await navigator.clipboard?.writeText(link.value);
    said.textContent = navigator.clipboard ? "Copiado." : "Ya está elegido: cópialo con el teclado.";
  };
  const mine = make("div", { hidden: true },
    make("button", { type: "button", onclick: save }, "Descargar el archivo"),
    make("label", { for: "enlace" }, "Enlace con tus sesiones, para abrirlo en otro equipo"), link,
    make("button", { type: "button", onclick: copy }, "Copiar"), said);
  const show = async () => {
    const here = sessions();
    mine.hidden = !here.length;
    if (here.length) link.value = `${page}#${await encode(here)}`;
    compared.replaceChildren(...(there ? comparison(here, there) : []));
  };
  const receive = async (read) => {
    try {
      there = await read();
      await show();
    } catch {
      there = null;
      compared.replaceChildren(alert("Eso no lo ha guardado esta página, o llega a medias: pide otra vez el enlace o el archivo."));
    }
  };
  const open = () => location.hash.startsWith("#r=") && receive(() => decode(location.hash.slice(1)));
  addEventListener("hashchange", open);
  const file = make("input", { type: "file", id: "archivo", accept: ".json", onchange: () => receive(async () => parse(await file.files[0].text())) });
  const section = make("section", {},
    make("h2", {}, "Compáralo con otro equipo"),
    paragraph("Lo medido no sale de tu navegador. Si quieres comparar, llévate el enlace o el archivo y ábrelo en esta página desde el otro equipo."),
    mine, make("label", { for: "archivo" }, "Comparar con un archivo"), file, compared);
  show();
  open();
  return { section, show, free: () => removeEventListener("hashchange", open) };
}

/**
 * Pone el panel en un elemento.
 * @param {HTMLElement} element
 * @param {import("./measure.js").Options & {note?: string, page?: string | null,
 *   onResult?: (result: import("./share.js").Result) => void}} options `note`, lo que se dice al
 *   principio; `page`, la dirección para los enlaces o, sin comparación, `null`
 * @returns {() => void} con qué se para y se quita
 */
export function mount(element, options) {
  const host = make("div"), root = host.attachShadow({ mode: "open" });
  const { page = location.href.split("#")[0] } = options;
  const start = make("button", { type: "button", class: "principal", onclick: () => run() }, "Medir");
  const stop = make("button", { type: "button", disabled: true, onclick: () => controller.abort() }, "Parar");
  const progress = make("progress", { max: 1, value: 0, "aria-label": "Lo que va medido", hidden: true });
  const status = make("p", { role: "status" }), notices = make("div"), results = make("div");
  const share = page === null ? null : shareSection(page);
  let controller = new AbortController();

  const run = async () => {
    controller = new AbortController();
    start.disabled = !(stop.disabled = progress.hidden = false);
    results.replaceChildren(), notices.replaceChildren();
    const tell = ({ text, part, what, fault, error }) => {
      if (text) (status.textContent = `${text}…`), (progress.value = part);
      if (what) notices.append(faulty(RUNGS[what]?.[0] ?? `La red, ${what.replace("batch", "con lotes de")}`, fault));
      if (error) notices.append(quoted(error));
    };
    try {
      const result = await measure(options, tell, controller.signal);
      status.textContent = "Medido.";
      notices.prepend(...[NO_GPU[result.why], ...result.warnings.map((each) => WARNINGS[each])].filter(Boolean).map(alert));
      results.replaceChildren(...[ladderSection, numbersSection, trainingSection, predictorSection].map((draw) => draw(result)));
      if (share) remember(result), await share.show();
      options.onResult?.(result);
    } catch (error) {
      status.textContent = controller.signal.aborted ? "Parado: no se guarda nada." : "No se ha podido acabar. Recarga la página y vuelve a medir.";
      if (!controller.signal.aborted) notices.append(quoted(`${error}`));
    } finally {
      start.disabled = !(stop.disabled = progress.hidden = true);
    }
  };

  findAdapter().then(({ info, why }) => {
    const name = info && (info.description || `${info.vendor} ${info.architecture}`.trim() || "sin nombre");
    notices.append(why || info.software ? alert(NO_GPU[why ?? "software"]) : paragraph(`La GPU de este navegador: ${name}.`));
  });
  root.append(make("style", {}, style), make("div", { class: "panel" },
    options.note ? paragraph(options.note) : "",
    paragraph("Tarda uno o dos minutos. Mientras tanto, no escondas la página ni uses el equipo para otra cosa: a ratos se queda quieta, porque la CPU está trabajando."),
    make("div", { class: "botones" }, start, stop), progress, status, notices, results,
    share?.section ?? "", navigator.gpu ? editorSection(options) : ""));
  element.replaceChildren(host);
  return () => (controller.abort(), share?.free(), host.remove());
}
