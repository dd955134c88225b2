/** Toda la medida, de la cuenta a mano al entrenamiento, en la CPU y en la GPU de quien lee. */
import { blockUntilReady, getWebGPUDevice, init, jit, numpy as np } from "@jax-js/jax";

import { breathe, seconds } from "./clock.js";
import {
  COLUMNS, INNER, LostError, PLAIN, TILED, arrived, emptySeconds, firstFault, loops, product, sum, unlessLost,
} from "./kernels.js";
import { COURSE, Network, batchOf, initialWeights, operations } from "./network.js";

/** @typedef {{idle_seconds: number, order_seconds: number, flops: number,
 *   bytes_per_second: number}} Numbers los de `prediction.Device`, en Python */
/** @typedef {{photos: () => Promise<import("./network.js").Photos>, weights?: Float32Array,
 *   batches?: number[], allowSoftware?: boolean, sizes?: import("./network.js").Sizes,
 *   amount?: typeof FULL}} Options `allowSoftware`, `sizes` y `amount` son para las pruebas */

/** Cuánto se mide: imágenes de la cuenta, lado del producto, bytes que se copian, el reloj y los
 * pasos cuyas pérdidas se comparan. */
export const FULL = { images: 64, side: 1024, bytes: 2 ** 26, least: 50, rounds: 3, steps: 20 };
const BATCHES = [16, 64, 256, 1024], LONG_STEPS = 3, LONGEST_STEP = 5;
const TOLERANCE = 1e-3;
const CHAIN = 100;

/** Lo que jax-js le pide a la GPU en un paso de la red del curso: lo cuenta una prueba. */
export const WORK = {
  orders: 94, operations: operations(), bytes_moved: 7_845_748, weight_bytes: 28_663_556,
};

const SOFTWARE = /swiftshader|llvmpipe|lavapipe|softpipe|basic render|\bwarp\b/i;
const SESSION = crypto.getRandomValues(new Uint32Array(1))[0];

/** El adaptador y cómo se presenta; si no lo hay, por qué: «insecure» o «missing». */
export async function findAdapter() {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) return { adapter: null, info: null, why: isSecureContext ? "missing" : "insecure" };
  const told = adapter.info ?? {};
  const clean = (text = "") => text.replace(/[^\p{L}\p{N} .,()_/:+@-]/gu, " ").slice(0, 80);
  const info = { vendor: clean(told.vendor), architecture: clean(told.architecture), description: clean(told.description) };
  info.software = Boolean(told.isFallbackAdapter ?? adapter.isFallbackAdapter) || SOFTWARE.test(Object.values(info).join(" "));
  return { adapter, info, why: null };
}

/** Un dispositivo aparte del de jax-js, con toda la memoria que deje el adaptador. */
export function openDevice(adapter) {
  const { maxBufferSize, maxStorageBufferBindingSize } = adapter.limits;
  return adapter.requestDevice({ requiredLimits: { maxBufferSize, maxStorageBufferBindingSize } });
}

/** La cuenta con bucles: lo que tienen que dar los demás, y a cuántas operaciones por segundo. */
async function byHand(account, signal) {
  const { rows, inner, columns } = account, part = rows / 4, times = [];
  const values = new Float32Array(rows * columns);
  for (let first = 0; first < rows; first += part) {
    await breathe(signal);
    const start = performance.now();
    loops(account, values, first, first + part);
    times.push((performance.now() - start) / 1000);
  }
  return { values, flops: (2 * part * inner * columns) / times.sort((a, b) => a - b)[1] };
}

/** Pide ya lo que jax-js dejaría para cuando haga falta, y no espera a que acabe. */
const ask = async (array) => {
  if (array.device === "webgpu") array.gpuBufferSync();
  else (await blockUntilReady(array)).dispose();
};

/** Repite algo de jax-js, en orden, y espera a que acabe lo último. */
const repeat = (device, compute) => async (times) => {
  for (let i = 0; i < times; i++) await ask(compute());
  if (device !== "webgpu") return;
  const gpu = getWebGPUDevice();
  await arrived(gpu, gpu.queue.onSubmittedWorkDone());
};

/** Un producto con jax-js en un dispositivo: sus valores y lo que tarda. */
export async function engineProduct(device, { a, b, rows, inner, columns }, clock) {
  const left = np.array(a, { shape: [rows, inner], device }), right = np.array(b, { shape: [inner, columns], device });
  const multiply = jit((x, y) => np.matmul(x, y));
  const values = await multiply(left.ref, right.ref).data();
  const found = await seconds(repeat(device, () => multiply(left.ref, right.ref)), clock);
  left.dispose(), right.dispose();
  return { values, seconds: found };
}

/** Los números de un dispositivo. @returns {Promise<Numbers>} */
async function numbersOf(device, { side, bytes }, clock) {
  const half = new Float32Array(side * side).fill(0.5);
  const square = { a: half, b: half, rows: side, inner: side, columns: side };
  const flops = (2 * side ** 3) / (await engineProduct(device, square, clock)).seconds;

  const table = np.array(new Float32Array(bytes / 4), { device }), copy = jit((values) => values.add(1));
  await repeat(device, () => copy(table.ref))(1);
  const copying = await seconds(repeat(device, () => copy(table.ref)), clock);
  table.dispose();

  // Una cadena de productos diminutos: cada uno espera al anterior, y no se pueden juntar.
  const eye = np.array(Float32Array.from({ length: 64 }, (_, i) => +(i % 9 === 0)), { shape: [8, 8], device });
  const chain = async (length) => {
    const links = jit((value, other) => {
      for (let i = 0; i < length; i++) value = np.matmul(value, other.ref);
      other.dispose();
      return value;
    });
    const run = repeat(device, () => links(eye.ref, eye.ref));
    await run(1);
    return seconds(run, clock);
  };
  const single = await chain(1), whole = await chain(CHAIN);
  eye.dispose();
  const order_seconds = Math.max(1e-9, (whole - single) / (CHAIN - 1));
  const idle_seconds = Math.max(0, single - order_seconds);
  return { idle_seconds, order_seconds, flops, bytes_per_second: (2 * bytes) / copying };
}

/** Entrena con un lote: las pérdidas de los primeros pasos y los segundos de uno. */
async function train(network, photos, batch, steps, clock) {
  const count = Math.min(steps, Math.floor(photos.labels.length / batch));
  const batches = Array.from({ length: count }, (_, i) => batchOf(network.device, photos, i * batch, batch));
  network.restart();
  const losses = [];
  try {
    for (let i = 0; i < steps; i++) {
      await breathe(clock.signal);
      losses.push((await network.step(batches[i % count]).data())[0]);
    }
    let next = 0;
    const run = async (times) => {
      for (let i = 1; i < times; i++) await ask(network.step(batches[next++ % count]));
      await network.step(batches[next++ % count]).data();
    };
    return { losses, seconds: await seconds(run, clock) };
  } finally {
    batches.forEach(({ images, classes }) => (images.dispose(), classes.dispose()));
    network.dispose();
  }
}

const finite = (value) => (Number.isFinite(value) ? value : null);

/** Si dos listas de pérdidas coinciden. */
const agree = (expected, found) =>
  expected.every((loss, i) => Math.abs(found[i] - loss) <= TOLERANCE * Math.abs(loss));

/** Con qué lote se cruzan la CPU y la GPU, o `null` si no lo hacen entre los medidos. */
export function crossing(training) {
  const both = training.filter(({ cpu, gpu }) => cpu && gpu);
  const ratio = ({ cpu, gpu }) => Math.log(gpu / cpu);
  for (let i = 1; i < both.length; i++) {
    const [before, after] = [ratio(both[i - 1]), ratio(both[i])];
    if (before * after <= 0 && before !== after) {
      return both[i - 1].batch * (both[i].batch / both[i - 1].batch) ** (before / (before - after));
    }
  }
  return null;
}

/**
 * Lo mide todo.
 * @param {Options} options
 * @param {(news: {text?: string, part?: number, what?: string, error?: string,
 *   fault?: import("./kernels.js").Fault}) => void} tell lo que se hace, y qué parte va hecha; lo que
 *   la GPU calcula mal; y de qué se queja
 * @param {AbortSignal} [signal] con qué se para
 * @returns {Promise<import("./share.js").Result>}
 */
export async function measure(options, tell = () => {}, signal = undefined) {
  const { batches = BATCHES, allowSoftware = false, sizes = COURSE, amount = FULL } = options;
  const clock = { least: amount.least, rounds: amount.rounds, signal };
  const { adapter, info, why } = await findAdapter();
  const result = {
    kind: "navegador", version: 1, date: new Date().toISOString(), session: SESSION, engine: ENGINE,
    cores: navigator.hardwareConcurrency, threads: crossOriginIsolated ? navigator.hardwareConcurrency : 1,
    adapter: info, ladder: { loops: null, wasm: null, plain: null, tiled: null, engine: null },
    cpu: null, gpu: null, empty_seconds: null, training: [], losses: null, work: WORK,
    why, refused: [], warnings: [],
  };
  const warn = (what) => result.warnings.includes(what) || result.warnings.push(what);
  const watch = () => document.hidden && warn("hidden");
  const battery = await navigator.getBattery?.();
  if (battery && !battery.charging) warn("battery");
  watch();
  document.addEventListener("visibilitychange", watch);

  let usable = adapter !== null && (allowSoftware || !info.software), failure = null, devices = [];
  if (adapter && !usable) result.why = "software";
  if (usable && !(await init("webgpu")).includes("webgpu")) result.why = "missing", (usable = false);
  if (usable) {
    devices = [await openDevice(adapter), getWebGPUDevice()];
    for (const device of devices) device.addEventListener("uncapturederror", ({ error }) => (failure = error));
  }
  /** Hace algo en la GPU; si no puede, no hay más GPU, y queda dicho por qué. */
  const onGpu = async (work) => {
    if (!usable) return null;
    failure = null;
    try {
      const found = await unlessLost(devices, work());
      if (!failure) return found;
    } catch (error) {
      if (signal?.aborted) throw error;
      failure = error;
    }
    usable = false;
    const lost = failure instanceof LostError || failure.name === "AbortError";
    result.why = lost ? "lost" : failure instanceof GPUOutOfMemoryError ? "memory" : "failed";
    tell({ error: failure.message });
    return null;
  };
  const refuse = (what, fault) => {
    result.why = "wrong";
    result.refused.push(what);
    tell({ what, fault });
  };

  try {
    tell({ text: "La cuenta, con bucles de JavaScript", part: 0 });
    const account = sum(amount.images), total = 2 * account.rows * INNER * COLUMNS;
    const hand = await byHand(account, signal);
    result.ladder.loops = hand.flops;
    tell({ text: "La cuenta, en WASM", part: 0.05 });
    result.ladder.wasm = total / (await engineProduct("wasm", account, clock)).seconds;
    const climb = async (what, work) => {
      tell({ text: "La cuenta, en la GPU", part: 0.1 });
      const found = await onGpu(work);
      const fault = found && firstFault(hand.values, found.values, COLUMNS);
      if (fault) refuse(what, fault);
      else if (found) result.ladder[what] = total / found.seconds;
      return !fault;
    };
    for (const [what, code] of Object.entries({ plain: PLAIN, tiled: TILED })) {
      await climb(what, () => product(devices[0], code, account, clock));
    }
    let right = await climb("engine", () => engineProduct("webgpu", account, clock));

    tell({ text: "Los números de la CPU", part: 0.2 });
    result.cpu = await numbersOf("wasm", amount, clock);
    tell({ text: "Los números de la GPU", part: 0.3 });
    result.empty_seconds = await onGpu(() => emptySeconds(devices[0], clock));
    result.gpu = await onGpu(() => numbersOf("webgpu", amount, clock));

    tell({ text: "Traer las fotos", part: 0.4 });
    const photos = await options.photos(), weights = options.weights ?? initialWeights(sizes);
    const [cpuNetwork, gpuNetwork] = ["wasm", "webgpu"].map((device) => new Network(device, weights, sizes));
    let last = 0;
    for (const [i, batch] of batches.entries()) {
      if (batch > photos.labels.length || (last * batch) / batches[i - 1] > LONGEST_STEP) break;
      const part = 0.4 + (0.6 * i) / batches.length, long = batch > 64;
      const steps = long ? Math.min(LONG_STEPS, amount.steps) : amount.steps;
      tell({ text: `La red del curso, en la CPU, de ${batch} en ${batch}`, part });
      let cpu;
      try {
        cpu = await train(cpuNetwork, photos, batch, steps, clock);
      } catch (error) {
        if (!(error instanceof RangeError)) throw error; // así dice WASM que no le cabe
        warn("memory");
        break;
      }
      last = cpu.seconds;
      tell({ text: `La red del curso, en la GPU, de ${batch} en ${batch}`, part: part + 0.3 / batches.length });
      const gpu = await onGpu(() => train(gpuNetwork, photos, batch, steps, clock));
      result.training.push({ batch, cpu: batch / cpu.seconds, gpu: gpu && batch / gpu.seconds });
      const same = !gpu || agree(cpu.losses, gpu.losses);
      if (right && (!long || !same)) result.losses = { batch, cpu: cpu.losses, gpu: gpu?.losses.map(finite) ?? null };
      if (!same) refuse(`batch ${batch}`), (right = usable = false);
    }
    if (!right) {
      result.gpu = result.ladder.engine = result.empty_seconds = null;
      for (const each of result.training) each.gpu = null;
    }
    tell({ text: "Hecho", part: 1 });
    return result;
  } finally {
    document.removeEventListener("visibilitychange", watch);
    devices[0]?.destroy();
  }
}
