/**
 * Lo medido, en un archivo o en una dirección, y comparado con lo de otro equipo.
 *
 * Lo que viene en una dirección puede haberlo escrito cualquiera: se comprueba campo a campo, y
 * nada de ello llega a la página más que como texto o como número.
 */

/** @typedef {{kind: "navegador", version: 1, date: string, session: number, engine: string,
 *   cores: number, threads: number, work: object, warnings: string[], refused: string[],
 *   adapter: {vendor: string, architecture: string, description: string, software: boolean} | null,
 *   ladder: Record<"loops" | "wasm" | "plain" | "tiled" | "engine", number | null>,
 *   cpu: import("./measure.js").Numbers, gpu: import("./measure.js").Numbers | null,
 *   empty_seconds: number | null, losses: {batch: number, cpu: number[], gpu: number[] | null},
 *   training: {batch: number, cpu: number, gpu: number | null}[],
 *   why: null | "insecure" | "missing" | "software" | "wrong" | "lost" | "memory" |
 *   "failed"}} Result en
 *   segundos, operaciones, bytes e imágenes por segundo; `why`, por qué falta lo de la GPU */

const KEY = "fashion-bench-navegador", MOST_SESSIONS = 12, MOST_TEXT = 20_000, MOST_BYTES = 200_000;

const number = (low, high) => (value) => Number.isFinite(value) && value >= low && value <= high;
const whole = (low, high) => (value) => Number.isInteger(value) && value >= low && value <= high;
const one = (...values) => (value) => values.includes(value);
const maybe = (check) => (value) => value === null || check(value);
const list = (check, least, most) => (value) =>
  Array.isArray(value) && value.length >= least && value.length <= most && value.every(check);
const text = (pattern) => (value) => typeof value === "string" && pattern.test(value);
const fields = (checks) => (value) =>
  value !== null && typeof value === "object" && !Array.isArray(value) &&
  Object.keys(value).sort().join() === Object.keys(checks).sort().join() &&
  Object.entries(checks).every(([name, check]) => check(value[name]));

const NAME = text(/^[\p{L}\p{N} .,()_/:+@-]{0,80}$/u), SPEED = number(1, 1e18), SECONDS = number(0, 10);
const NUMBERS = fields({
  idle_seconds: SECONDS, order_seconds: number(1e-9, 10), flops: SPEED, bytes_per_second: SPEED,
});
const LOSSES = list(maybe(number(0, 1e6)), 1, 100), BATCH = whole(1, 65536), RATE = number(1e-6, 1e9);
const isResult = fields({
  kind: one("navegador"),
  version: one(1),
  date: text(/^20\d\d-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d\.\d{3}Z$/),
  session: whole(0, 2 ** 32 - 1),
  engine: text(/^jax-js \d+\.\d+\.\d+$/),
  cores: whole(1, 4096),
  threads: whole(1, 4096),
  adapter: maybe(fields({ vendor: NAME, architecture: NAME, description: NAME, software: one(true, false) })),
  ladder: fields(Object.fromEntries(["loops", "wasm", "plain", "tiled", "engine"].map((each) => [each, maybe(SPEED)]))),
  cpu: NUMBERS,
  gpu: maybe(NUMBERS),
  empty_seconds: maybe(SECONDS),
  training: list(fields({ batch: BATCH, cpu: RATE, gpu: maybe(RATE) }), 1, 8),
  losses: fields({ batch: BATCH, cpu: LOSSES, gpu: maybe(LOSSES) }),
  work: fields({ orders: whole(1, 1e5), operations: number(1, 1e12), bytes_moved: number(1, 1e12), weight_bytes: number(1, 1e12) }),
  why: one(null, "insecure", "missing", "software", "wrong", "lost", "memory", "failed"),
  refused: list(text(/^(plain|tiled|engine|batch \d{1,5})$/), 0, 8),
  warnings: list(one("hidden", "battery", "memory"), 0, 3),
});
const isRecord = fields({ kind: one("navegador"), version: one(1), sessions: list(isResult, 1, MOST_SESSIONS) });

/** Comprueba lo que trae un archivo. @returns {Result[]} @throws {Error} si no lo ha escrito esta página */
export function parse(written) {
  const record = JSON.parse(written);
  if (!isRecord(record)) throw new Error("No tiene la forma de lo que guarda esta página.");
  return record.sessions;
}

/** Lo que se guarda en el archivo. @param {Result[]} sessions */
export const stringify = (sessions) => JSON.stringify({ kind: "navegador", version: 1, sessions });

async function through(stream, bytes) {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader(), parts = [];
  for (let size = 0; ; ) {
    const { done, value } = await reader.read();
    if (done) return new Uint8Array(await new Blob(parts).arrayBuffer());
    if ((size += value.length) > MOST_BYTES) throw new Error("Es demasiado grande.");
    parts.push(value);
  }
}

/** Lo que va detrás de la almohadilla de la dirección. @param {Result[]} sessions */
export async function encode(sessions) {
  const bytes = await through(new CompressionStream("deflate-raw"), new TextEncoder().encode(stringify(sessions)));
  return "r=" + btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Lo contrario de `encode`. @throws {Error} si no lo ha escrito esta página */
export async function decode(fragment) {
  const written = fragment.match(/^r=([\w-]+)$/)?.[1];
  if (!written || written.length > MOST_TEXT) throw new Error("La dirección no lleva medidas, o lleva demasiadas.");
  const bytes = Uint8Array.from(atob(written.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
  const decoder = new TextDecoder("utf-8", { fatal: true });
  return parse(decoder.decode(await through(new DecompressionStream("deflate-raw"), bytes)));
}

/** Las sesiones de este equipo, de la más antigua a la más reciente. @returns {Result[]} */
export function sessions() {
  try {
    return parse(localStorage.getItem(KEY));
  } catch {
    return []; // aún no hay ninguna, o son de otra versión
  }
}

/** Añade una sesión. Cada vez que se abre la página es una: si ya había medido, solo queda lo último. */
export function remember(result) {
  const others = sessions().filter(({ session, engine }) => session !== result.session && engine === result.engine);
  const kept = [...others, result].slice(-MOST_SESSIONS);
  localStorage.setItem(KEY, stringify(kept));
  return kept;
}

/** Hasta cuántos errores típicos llega el intervalo del 95 %: la `t` de Student, como en `interval.py`. */
function student(freedom) {
  const count = 4000, heights = Array.from({ length: count + 1 }, (_, i) => Math.cos((i / count) * (Math.PI / 2)) ** (freedom - 1));
  const inside = [0];
  for (let i = 1; i <= count; i++) inside.push(inside[i - 1] + heights[i] + heights[i - 1]);
  const wanted = 0.95 * inside[count], i = inside.findIndex((each) => each >= wanted);
  const angle = i - (inside[i] - wanted) / (inside[i] - inside[i - 1]);
  return Math.sqrt(freedom) * Math.tan((angle / count) * (Math.PI / 2));
}

/**
 * Cuántas veces una cifra es la otra: el cociente de sus medias geométricas y su intervalo de Welch
 * del 95 %, que con una sola sesión de alguno no existe.
 */
export function quotient(above, below) {
  const samples = [above, below].map((values) => values.map(Math.log));
  const means = samples.map((each) => each.reduce((a, b) => a + b) / each.length);
  const value = Math.exp(means[0] - means[1]);
  if (Math.min(above.length, below.length) < 2) return { value, low: 0, high: Infinity };
  const errors = samples.map((each, i) =>
    each.reduce((total, x) => total + (x - means[i]) ** 2, 0) / (each.length - 1) / each.length,
  );
  const total = errors[0] + errors[1];
  const freedom = total ** 2 / errors.reduce((sum, error, i) => sum + error ** 2 / (samples[i].length - 1), 0);
  const half = total ? student(freedom) * Math.sqrt(total) : 0;
  return { value, low: value * Math.exp(-half), high: value * Math.exp(half) };
}
