/**
 * Una misma cuenta, el producto de dos matrices, a mano: con bucles de JavaScript y en WGSL, el
 * lenguaje de los *shaders*. Y lo que cuesta una petición vacía.
 *
 * Es la segunda convolución del cuaderno 01: una fila por cada sitio de cada imagen, con sus nueve
 * ventanas de 32 canales; y una columna por filtro. Todas las medidas son múltiplos de `TILE`.
 */
import { seconds } from "./clock.js";

export const TILE = 16, SITES = 14 * 14, INNER = 9 * 32, COLUMNS = 64;
const TOLERANCE = 1e-4, WINDOW = 8;

/** @typedef {{a: Float32Array, b: Float32Array, rows: number, inner: number, columns: number}} Sum */
/** @typedef {{row: number, column: number, expected: number, found: number, total: number,
 *   top: number, left: number, wrong: boolean[][]}} Fault el primer elemento mal, cuántos hay, y
 *   cuáles lo están en el cuadro de alrededor, que empieza en `top` y `left` */

/** La cuenta, con números entre -1/2 y 1/2, siempre los mismos. @returns {Sum} */
export function sum(images, inner = INNER, columns = COLUMNS) {
  const rows = images * SITES;
  const numbers = (count, prime) => Float32Array.from({ length: count }, (_, i) => ((i * prime) % 1009) / 1009 - 0.5);
  return { a: numbers(rows * inner, 7919), b: numbers(inner * columns, 10007), rows, inner, columns };
}

/** Filas de la cuenta con bucles de JavaScript; van a `c`, `[rows, columns]`. */
export function loops({ a, b, inner, columns }, c, first, last) {
  for (let row = first; row < last; row++) {
    for (let k = 0; k < inner; k++) {
      const value = a[row * inner + k];
      for (let column = 0; column < columns; column++) {
        c[row * columns + column] += value * b[k * columns + column];
      }
    }
  }
}

const HEAD = `@group(0) @binding(0) var<storage> a: array<f32>;
@group(0) @binding(1) var<storage> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> c: array<f32>;
override inner: u32;    // columnas de a y filas de b
override columns: u32;  // columnas de b y de c
`;

/** Cada hilo calcula un elemento de `c` y lee de la memoria todo lo que necesita. */
export const PLAIN = `${HEAD}
@compute @workgroup_size(${TILE}, ${TILE})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let row = id.y;
  let column = id.x;
  var total = 0.0;
  for (var k = 0u; k < inner; k++) {
    total += a[row * inner + k] * b[k * columns + column];
  }
  c[row * columns + column] = total;
}
`;

/** Los 16 × 16 hilos de un grupo traen juntos un mosaico de `a` y otro de `b`, y lo comparten. */
export const TILED = `${HEAD}
var<workgroup> tile_a: array<array<f32, ${TILE}>, ${TILE}>;
var<workgroup> tile_b: array<array<f32, ${TILE}>, ${TILE}>;
@compute @workgroup_size(${TILE}, ${TILE})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(local_invocation_id) at: vec3u) {
  var total = 0.0;
  for (var start = 0u; start < inner; start += ${TILE}u) {
    tile_a[at.y][at.x] = a[id.y * inner + start + at.x];
    tile_b[at.y][at.x] = b[(start + at.y) * columns + id.x];
    workgroupBarrier();
    for (var k = 0u; k < ${TILE}u; k++) {
      total += tile_a[at.y][k] * tile_b[k][at.x];
    }
    workgroupBarrier();
  }
  c[id.y * columns + id.x] = total;
}
`;

const EMPTY = `@group(0) @binding(2) var<storage, read_write> c: array<f32>;
@compute @workgroup_size(1) fn main() { c[0] = 1.0; }
`;

/** Un WGSL que no compila: qué dice el compilador, y en qué línea. */
export class CompileError extends Error {
  /** @param {{line: number, text: string}[]} messages */
  constructor(messages) {
    super(messages.map(({ line, text }) => `${line}: ${text}`).join("\n"));
    this.messages = messages;
  }
}

/** Prepara un WGSL con sus tablas; `run(times)` lo pide esas veces y espera a que acabe. */
async function prepare(device, code, { a, b, rows, inner, columns }, groups, constants) {
  const { STORAGE, COPY_SRC, COPY_DST, MAP_READ } = GPUBufferUsage;
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  const errors = messages.filter(({ type }) => type === "error");
  const told = errors.map(({ lineNum, message }) => ({ line: lineNum, text: message }));
  const types = ["read-only-storage", "read-only-storage", "storage"];
  const layout = device.createBindGroupLayout({
    entries: types.map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } })),
  });
  const pipeline = device.createComputePipeline({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: "main", constants },
  });
  const failure = await device.popErrorScope();
  if (failure) throw new CompileError(told.length ? told : [{ line: 0, text: failure.message }]);
  const size = 4 * rows * columns;
  const buffers = [a, b, null].map((values) => {
    const usage = values ? STORAGE | COPY_DST : STORAGE | COPY_SRC;
    const buffer = device.createBuffer({ size: values?.byteLength ?? size, usage });
    if (values) device.queue.writeBuffer(buffer, 0, values);
    return buffer;
  });
  const result = device.createBuffer({ size, usage: COPY_DST | MAP_READ });
  const bindings = device.createBindGroup({
    layout, entries: buffers.map((buffer, binding) => ({ binding, resource: { buffer } })),
  });
  return {
    async run(times) {
      const encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, bindings);
      for (let i = 0; i < times; i++) pass.dispatchWorkgroups(...groups);
      pass.end();
      device.queue.submit([encoder.finish()]);
      await arrived(device, device.queue.onSubmittedWorkDone());
    },
    async read() {
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffers[2], 0, result, 0, size);
      device.queue.submit([encoder.finish()]);
      await arrived(device, result.mapAsync(GPUMapMode.READ));
      return new Float32Array(result.getMappedRange().slice());
    },
    free: () => [...buffers, result].forEach((buffer) => buffer.destroy()),
  };
}

/** Espera a algo de unos dispositivos, salvo que se pierda alguno: entonces podría no acabar nunca. */
export function unlessLost(devices, work) {
  const losses = devices.map(async ({ lost }) => {
    throw new LostError((await lost).message);
  });
  return Promise.race([work, ...losses]);
}

/** El navegador ha perdido la GPU. */
export class LostError extends Error {}

/** Espera a la GPU: Firefox solo mira si ha acabado cada 100 ms, o cuando le llega otra petición. */
export async function arrived(device, promise) {
  const nudge = setInterval(() => device.queue.submit([]), 4);
  await promise.finally(() => clearInterval(nudge));
}

/**
 * La cuenta con un WGSL: lo que da y los segundos que tarda.
 * @param {GPUDevice} device @param {string} code @param {Sum} sum
 * @throws {CompileError} si no compila
 */
export async function product(device, code, sum, clock) {
  const { rows, inner, columns } = sum;
  const kernel = await prepare(device, code, sum, [columns / TILE, rows / TILE], { inner, columns });
  try {
    await kernel.run(1);
    const values = await kernel.read();
    return { values, seconds: await seconds(kernel.run, clock) };
  } finally {
    kernel.free();
  }
}

/** Segundos que le cuesta a la GPU una petición que no hace casi nada. */
export async function emptySeconds(device, clock) {
  const one = new Float32Array(1);
  const kernel = await prepare(device, EMPTY, { a: one, b: one, rows: 1, columns: 1 }, [1], {});
  await kernel.run(1);
  const hundred = await seconds((times) => kernel.run(100 * times), clock);
  kernel.free();
  return hundred / 100;
}

/** Dónde está mal un resultado, o `null`: el error se mide con el mayor de los esperados. */
export function firstFault(expected, found, columns) {
  const limit = TOLERANCE * expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const bad = (i) => !(Math.abs(found[i] - expected[i]) <= limit);
  const first = expected.findIndex((_, i) => bad(i));
  if (first < 0) return null;
  const row = Math.floor(first / columns), column = first % columns;
  const near = (value, most) => Math.min(WINDOW * Math.floor(value / WINDOW), most - WINDOW);
  const top = near(row, expected.length / columns), left = near(column, columns);
  const wrong = Array.from({ length: WINDOW }, (_, i) =>
    Array.from({ length: WINDOW }, (_, j) => bad((top + i) * columns + left + j)),
  );
  const total = expected.reduce((count, _, i) => count + bad(i), 0);
  return { row, column, top, left, expected: expected[first], found: found[first], wrong, total };
}
