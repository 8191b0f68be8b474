/** The thread that does the work: main can end it when an input never returns. */
import { parentPort, workerData } from 'node:worker_threads';
import { fuzz } from './run.ts';
import { openTargets } from './targets.ts';

const { from, inputs, only, progress } = workerData as {
  readonly from: number;
  readonly inputs: number;
  readonly only: string | undefined;
  /** The number of the input under way. */
  readonly progress: Float64Array;
};
// Node's own warnings (a YAML key that is a map) belong to the input, not to the report.
process.removeAllListeners('warning');
const all = await openTargets();
const outcome = await fuzz(all, {
  ...{ from, inputs },
  ...(only === undefined ? {} : { only }),
  progress(input) {
    progress[0] = input;
  },
});
for (const target of all) await target.close?.();
parentPort?.postMessage(outcome);
