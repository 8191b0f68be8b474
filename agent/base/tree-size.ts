/** How much there is in plain data: what a check that reports every fault would walk through. */

interface TreeSize {
  /** Values of all kinds, up to the bound. */
  readonly values: number;
  /** Bytes are an object to a schema, with one property a byte. */
  readonly hasBytes: boolean;
}

/** Ends at `valuesMax`. */
export const treeSize = (root: unknown, valuesMax: number): TreeSize => {
  let values = 1;
  let hasBytes = false;
  const open: unknown[] = [root];
  while (open.length > 0 && values < valuesMax) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    if (ArrayBuffer.isView(value)) {
      hasBytes = true;
      continue;
    }
    const parts: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
    // Counted before they are looked at: a list that is too long costs nothing.
    values += parts.length;
    if (values < valuesMax) for (const part of parts) open.push(part);
  }
  return { values, hasBytes };
};
