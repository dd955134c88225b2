/**
 * La red del cuaderno 01, sin Dropout, con jax-js: en la CPU («wasm») o en la GPU («webgpu»).
 *
 * Cada convolución es un producto de matrices: las nueve ventanas, una al lado de otra (*im2col*).
 * Los pesos van en una sola lista, en el orden de Keras, y sirven los suyos tal como están.
 */
import { defaultDevice, jit, nn, numpy as np, tree, valueAndGrad } from "@jax-js/jax";

/** @typedef {{filters: [number, number], dense: number}} Sizes los filtros y las neuronas */
/** @typedef {{images: Uint8Array, labels: Uint8Array}} Photos 784 bytes y una clase por foto */

/** @type {Sizes} */
export const COURSE = { filters: [32, 64], dense: 128 };
/** La tasa de aprendizaje, diez veces menor que la del curso: con aquella, en veinte pasos, un redondeo
 * llegaba a cambiar las pérdidas un 1 %, y no se podía comprobar a la GPU. No cambia lo que se tarda. */
export const RATE = 2e-4;
const SIDE = 28, CLASSES = 10, BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-7;

/** Las formas de las tablas de pesos, en el orden de Keras. */
export function shapes({ filters: [first, second], dense }) {
  const flat = (SIDE / 4) ** 2 * second;
  return [
    [3, 3, 1, first], [first], [3, 3, first, second], [second],
    [flat, dense], [dense], [dense, CLASSES], [CLASSES],
  ];
}

const size = (shape) => shape.reduce((product, each) => product * each, 1);

/** Cuántos pesos tiene la red. */
export const weightCount = (sizes = COURSE) => shapes(sizes).map(size).reduce((a, b) => a + b);

/** Operaciones de entrenar con una imagen: multiplicar y sumar, hacia delante y hacia atrás. */
export function operations({ filters: [first, second], dense } = COURSE) {
  const convolutions = [SIDE ** 2 * 9 * first, (SIDE / 2) ** 2 * 9 * first * second];
  const others = (SIDE / 4) ** 2 * second * dense + dense * CLASSES;
  return 2 * (2 * convolutions[0] + 3 * (convolutions[1] + others));
}

/** Unos pesos iniciales como los de Keras (Glorot), siempre los mismos. */
export function initialWeights(sizes = COURSE) {
  let state = 1;
  const random = () => (state = (state * 1664525 + 1013904223) >>> 0) / 2 ** 32;
  return Float32Array.from(
    shapes(sizes).flatMap((shape) => {
      if (shape.length === 1) return Array(shape[0]).fill(0);
      const window = size(shape.slice(0, -2));
      const limit = Math.sqrt(6 / (window * (shape.at(-2) + shape.at(-1))));
      return Array.from({ length: size(shape) }, () => (2 * random() - 1) * limit);
    }),
  );
}

/** La ReLU; en 0 exacto, donde caen todos los sitios sin prenda, su pendiente es 0, como en TensorFlow. */
const relu = (values) => np.where(np.greater(values.ref, 0), values, 0);

function convolve(images, kernel, bias) {
  const [count, side, , channels] = images.shape, out = kernel.shape[3];
  const padded = np.pad(images, [[0, 0], [1, 1], [1, 1], [0, 0]]);
  const windows = [0, 1, 2].flatMap((row) =>
    [0, 1, 2].map((column) => padded.ref.slice([], [row, row + side], [column, column + side], [])),
  );
  padded.dispose();
  const columns = np.concatenate(windows, 3).reshape([count * side * side, 9 * channels]);
  const product = np.matmul(columns, kernel.reshape([9 * channels, out])).add(bias);
  return relu(product).reshape([count, side, side, out]);
}

function pool(maps) {
  const [count, side, , channels] = maps.shape;
  return np.max(maps.reshape([count, side / 2, 2, side / 2, 2, channels]), [2, 4]);
}

/** La pérdida media de un lote `[n, 784]`, de 0 a 1, cuyas clases se dan `[n, 10]` en ceros y unos. */
function loss([kernel1, bias1, kernel2, bias2, weights3, bias3, weights4, bias4], images, classes) {
  const count = images.shape[0];
  let maps = pool(convolve(images.reshape([count, SIDE, SIDE, 1]), kernel1, bias1));
  maps = pool(convolve(maps, kernel2, bias2));
  const dense = relu(np.matmul(maps.reshape([count, -1]), weights3).add(bias3));
  const logits = np.matmul(dense, weights4).add(bias4);
  return np.sum(nn.logSoftmax(logits, -1).mul(classes)).mul(-1 / count);
}

/** La pérdida y sus gradientes, en el orden de los pesos. */
export const lossAndGradients = valueAndGrad(loss);

/** Mueve los pesos como Adam, con las cuentas y los valores de Keras. */
function adam(weights, gradients, means, squares, rate) {
  means = tree.map((mean, each) => mean.mul(BETA1).add(each.ref.mul(1 - BETA1)), means, tree.ref(gradients));
  squares = tree.map((mean, each) => mean.mul(BETA2).add(np.square(each).mul(1 - BETA2)), squares, gradients);
  weights = tree.map(
    (weight, mean, square) => weight.sub(rate.ref.mul(mean.ref).div(np.sqrt(square.ref).add(EPSILON))),
    weights, means, squares,
  );
  return [weights, means, squares];
}

/** Deja en un dispositivo las tablas de unos pesos. */
export function tables(device, weights, sizes = COURSE) {
  let from = 0;
  return shapes(sizes).map((shape) => {
    const values = weights.slice(from, (from += size(shape)));
    return np.array(values, { shape, device });
  });
}

/** La red en un dispositivo, con sus pesos y las dos tablas que Adam lleva de cada uno. */
export class Network {
  /** @param {"wasm" | "webgpu"} device @param {Float32Array} weights @param {Sizes} sizes */
  constructor(device, weights, sizes = COURSE) {
    const zeros = new Float32Array(weights.length);
    this.device = device;
    this.start = () => [weights, zeros, zeros].map((values) => tables(device, values, sizes));
    this.train = jit((weights, means, squares, images, classes, rate) => {
      const [value, gradients] = lossAndGradients(tree.ref(weights), images, classes);
      return [value, ...adam(weights, gradients, means, squares, rate)];
    });
  }

  /** Vuelve a los pesos del principio, con Adam sin estrenar. */
  restart() {
    defaultDevice(this.device);
    this.dispose();
    this.state = this.start();
    this.steps = 0;
  }

  /** Da un paso de entrenamiento, y no espera a que acabe: la pérdida se lee después. */
  step({ images, classes }) {
    const rate = (RATE * Math.sqrt(1 - BETA2 ** ++this.steps)) / (1 - BETA1 ** this.steps);
    const [loss, ...state] = this.train(...this.state, images.ref, classes.ref, rate);
    this.state = state;
    return loss;
  }

  dispose() {
    if (this.state) tree.dispose(this.state);
    this.state = null;
  }
}

/** Deja un lote en el dispositivo elegido: las fotos, de 0 a 1, y sus clases. */
export function batchOf(device, photos, first, count) {
  const images = Float32Array.from(photos.images.subarray(784 * first, 784 * (first + count)), (v) => v / 255);
  const classes = new Float32Array(CLASSES * count);
  for (let i = 0; i < count; i++) classes[CLASSES * i + photos.labels[first + i]] = 1;
  return {
    images: np.array(images, { shape: [count, 784], device }),
    classes: np.array(classes, { shape: [count, CLASSES], device }),
  };
}
