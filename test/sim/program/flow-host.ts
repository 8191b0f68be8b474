/** A host with sagas on its disk and a reconciler; each life takes up what the one before it left. */
import type { Reconciler } from '../../../agent/flow/port.ts';
import { startReconciler } from '../../../agent/flow/reconciler.ts';
import { openSagas, type RunningSagas } from '../../../agent/flow/sagas.ts';
import type { KeyValue } from '../../../agent/store/key-value.ts';
import { hasCode } from '../../../proto/error.ts';
import { secondMs } from '../../../proto/units.ts';
import type { Journeys } from '../client/journeys.ts';
import { simKeyValue } from '../key-value.ts';
import type { Host, Program } from '../node.ts';
import { shellRuntime } from '../shell-runtime.ts';

/** The parts that a planted bug takes the place of. */
export interface FlowParts {
  openStore(host: Host): KeyValue;
  sagas(sagas: RunningSagas): RunningSagas;
}
export const soundParts: FlowParts = { openStore: (host) => simKeyValue(host), sagas: (sagas) => sagas };

export interface FlowHost extends Program {
  /** Undefined until what an earlier life left goes on. */
  readonly sagas: RunningSagas | undefined;
  readonly reconciler: Reconciler;
}

export const flowHost = (
  host: Host,
  options: {
    readonly journeys: Journeys;
    reconcile(host: Host): Promise<void>;
    readonly periodMs: number;
    readonly parts: FlowParts;
  },
): FlowHost => {
  const runtime = shellRuntime(host);
  let sagas: RunningSagas | undefined;
  const open = async (): Promise<void> => {
    const opened = options.parts.sagas(openSagas({ keyValue: options.parts.openStore(host), runtime }));
    opened.define(options.journeys.kind(runtime.timers));
    try {
      // The store has recovered by then.
      await runtime.timers.sleep(1);
      await opened.resume();
      sagas = opened;
    } catch (thrown) {
      if (!hasCode(thrown, 'DISK_FULL')) throw thrown;
      await runtime.timers.sleep(secondMs);
      await open();
    }
  };
  open().catch((bug: unknown) => host.world.fail(bug));
  return {
    handleMessage() {},
    get sagas() {
      return sagas;
    },
    reconciler: startReconciler(
      { runtime, reconcile: () => options.reconcile(host) },
      { name: 'wanted', periodMs: options.periodMs },
    ),
  };
};
