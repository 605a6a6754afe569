const CALLBACKS = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls `callback` once when `signal` fires, which it has not yet. However many wait for one signal, it has one listener:
 * a listener of its own for each costs as much as there are others, every time one is taken back.
 *
 * @returns to be called when it shall no longer be called
 */
export function onceAborted(signal: AbortSignal, callback: () => void): () => void {
  const callbacks = CALLBACKS.get(signal) ?? listenTo(signal);
  callbacks.add(callback);
  return () => void callbacks.delete(callback);
}

function listenTo(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>();
  const onAbort = (): void => {
    for (const callback of callbacks) {
      callbacks.delete(callback);
      callback();
    }
  };
  signal.addEventListener('abort', onAbort, { once: true });
  CALLBACKS.set(signal, callbacks);
  return callbacks;
}
