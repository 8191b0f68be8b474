/** What happens next: a binary heap by time, and by order of scheduling within one moment. */
export interface EventQueue {
  readonly size: number;
  push(atMs: number, work: () => void): void;
  /** The time of the next event, Infinity when there is none. */
  nextMs(): number;
  pop(): (() => void) | undefined;
}

interface Entry {
  readonly atMs: number;
  readonly order: number;
  readonly work: () => void;
}

const isBefore = (a: Entry, b: Entry): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);

export const eventQueue = (): EventQueue => {
  const heap: Entry[] = [];
  let order = 0;
  return {
    get size() {
      return heap.length;
    },
    push(atMs, work) {
      const entry: Entry = { atMs, order: order++, work };
      let at = heap.length;
      while (at > 0) {
        const up = (at - 1) >>> 1;
        const parent = heap[up] as Entry;
        if (isBefore(parent, entry)) break;
        heap[at] = parent;
        at = up;
      }
      heap[at] = entry;
    },
    nextMs: () => heap[0]?.atMs ?? Infinity,
    pop() {
      const first = heap[0];
      const last = heap.pop();
      if (!first || !last || heap.length === 0) return first?.work;
      let at = 0;
      for (;;) {
        let down = 2 * at + 1;
        if (down >= heap.length) break;
        if (down + 1 < heap.length && isBefore(heap[down + 1] as Entry, heap[down] as Entry)) down++;
        const child = heap[down] as Entry;
        if (isBefore(last, child)) break;
        heap[at] = child;
        at = down;
      }
      heap[at] = last;
      return first.work;
    },
  };
};
