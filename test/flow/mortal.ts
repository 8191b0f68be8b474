/** A store that dies: after its n-th write nothing that its agent does is written or answered any more. */
import type { KeyValue } from '../../agent/store/key-value.ts';

export const mortal = (
  inner: KeyValue,
  writesLeft: number,
): KeyValue & { readonly died: Promise<void>; readonly dead: () => boolean } => {
  let left = writesLeft;
  let tell = (): void => undefined;
  const died = new Promise<void>((resolve) => {
    tell = resolve;
  });
  return {
    get: (key) => inner.get(key),
    range: (range) => inner.range(range),
    transact(work) {
      if (left <= 0) {
        tell();
        return new Promise(() => undefined);
      }
      left -= 1;
      return inner.transact(work);
    },
    close: () => inner.close(),
    died,
    dead: () => left <= 0,
  };
};
