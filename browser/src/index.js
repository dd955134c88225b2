/** Mide la GPU de quien lee en su navegador: en una página, con `mount`, o en un cuaderno, con `render`. */
import { mount } from "./panel.js";

export { init } from "@jax-js/jax";
export * from "./kernels.js";
export * from "./measure.js";
export * from "./network.js";
export * from "./share.js";
export { mount };

async function gunzip(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(`No se ha podido traer ${address}`);
  return new Uint8Array(await new Response(answer.body.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
}

/** Trae unas fotos con sus clases, de los archivos de Fashion-MNIST, que empiezan por sus medidas. */
export async function fetchPhotos(images, labels) {
  const [pixels, classes] = await Promise.all([images, labels].map(gunzip));
  return { images: pixels.subarray(16), labels: classes.subarray(8) };
}

const bytesOf = ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength));

/**
 * La puerta de anywidget. Del modelo toma `images` y `labels` (bytes), y, si están, `weights` (bytes
 * de `float32`, en el orden de Keras), `batches`, `note` y `page`; al acabar deja en `found` lo medido.
 */
function render({ model, el }) {
  const weights = model.get("weights");
  return mount(el, {
    photos: async () => ({ images: bytesOf(model.get("images")), labels: bytesOf(model.get("labels")) }),
    weights: weights?.byteLength ? new Float32Array(bytesOf(weights).buffer) : undefined,
    batches: model.get("batches"),
    note: model.get("note"),
    page: model.get("page") ?? null,
    allowSoftware: model.get("allow_software"),
    onResult(result) {
      model.set("found", result);
      model.save_changes();
    },
  });
}

export default { render };
