/**
 * El cronómetro. El reloj de un navegador salta de 100 en 100 µs: cada ronda repite lo que mide hasta
 * que dura bastante, y de las rondas se toma la mediana.
 */

/** @typedef {{least: number, rounds: number, signal?: AbortSignal}} Clock los milisegundos que dura
 *   una ronda, al menos; cuántas hay; y con qué se para */

/** Deja que el navegador pinte y atienda; si han pulsado «Parar», no sigue. */
export async function breathe(signal) {
  await new Promise((resolve) => setTimeout(resolve));
  signal?.throwIfAborted();
}

export const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/**
 * Segundos de una vez: la mediana de las rondas.
 * @param {(times: number) => Promise<void>} run lo hace `times` veces y espera a que acabe; ya lo ha
 *   hecho alguna vez, que es cuando se prepara lo que haga falta
 * @param {Clock} clock
 */
export async function seconds(run, { least, rounds, signal }) {
  const round = async (times) => {
    await breathe(signal);
    const start = performance.now();
    await run(times);
    return performance.now() - start;
  };
  let times = 1, elapsed = await round(1);
  while (elapsed < least) {
    times = Math.ceil(times * Math.min(10, (1.2 * least) / Math.max(elapsed, 0.1)));
    elapsed = await round(times);
  }
  const found = [elapsed];
  while (found.length < rounds) found.push(await round(times));
  return median(found) / times / 1000;
}
