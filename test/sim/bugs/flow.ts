/** Planted bugs of a host that runs sagas. */
import { flush, simKeyValue } from '../key-value.ts';
import { type FlowParts, soundParts } from '../program/flow-host.ts';

/** The store acknowledges while the disk still writes. */
const ackBeforeFsync: FlowParts = {
  ...soundParts,
  openStore: (host) =>
    simKeyValue(host, (slow) => {
      void flush(slow);
      return Promise.resolve();
    }),
};

/** What an earlier life left is left where it is. */
const notResumed: FlowParts = { ...soundParts, sagas: (sagas) => ({ ...sagas, async resume() {} }) };

/** Whether an id is taken is not looked at: a caller in doubt begins its saga once more. */
const startedTwice: FlowParts = {
  ...soundParts,
  openStore(host) {
    const store = simKeyValue(host);
    return {
      ...store,
      transact: (work) => store.transact((writer) => work({ ...writer, get: () => undefined })),
    };
  },
};

export const flowBugs = {
  'a saga acknowledged before fsync': ackBeforeFsync,
  'sagas that a new life does not take up': notResumed,
  'a saga that starts twice': startedTwice,
} satisfies Record<string, FlowParts>;
