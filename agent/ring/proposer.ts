/**
 * Turns what is due into a version. All members see about the same and would propose about the same; they take
 * turns in rendezvous order, the next one only when the one before did not get it done in its time. Two at once
 * would be safe, only slower.
 */
import { asShoalError } from '../../proto/error.ts';
import type { HostId } from '../../proto/ids.ts';
import type { Layout } from '../../proto/message/layout.ts';
import { backoffMs } from '../base/backoff.ts';
import type { Log, Runtime } from '../runtime/ports.ts';
import { hostIdsOf } from './layout.ts';
import type { LayoutDraft } from './layout-plan.ts';
import { retryBaseMs, retryCapMs } from './limits.ts';
import { rendezvousOrder } from './rendezvous.ts';

export interface ProposerWorld {
  readonly runtime: Pick<Runtime, 'clock' | 'chance'>;
  readonly log: Log;
  readonly self: HostId;
  isReachable(host: HostId): boolean;
  /** The draft as a version: takes a moment, so it is done only by who proposes it. */
  complete(newest: Layout, draft: LayoutDraft): Layout;
  agree(previous: Layout, next: Layout, signal: AbortSignal): Promise<Layout>;
  /** A version was agreed, perhaps another than was proposed. */
  agreed(layout: Layout): Promise<void>;
}

export const proposer = (world: ProposerWorld, settings: { readonly proposerStepMs: number }) => {
  const { runtime, log, self } = world;
  const stop = new AbortController();
  let wanted: { readonly plan: string; readonly sinceMs: number } | undefined;
  let notBeforeMs = 0;
  let failures = 0;
  let isBusy = false;

  const isMyTurn = (newest: Layout, draft: LayoutDraft, now: number): boolean => {
    const key = `${newest.version} ${draft.replicasWanted} ${draft.members.map((member) => member.hostId).join()}`;
    if (wanted?.plan !== key) wanted = { plan: key, sinceMs: now };
    const line = hostIdsOf(newest).filter((host) => host === self || world.isReachable(host));
    const place = rendezvousOrder(line, newest.version + 1).indexOf(self);
    return place >= 0 && now - wanted.sinceMs >= place * settings.proposerStepMs;
  };

  const propose = async (newest: Layout, draft: LayoutDraft): Promise<void> => {
    isBusy = true;
    try {
      const plan = world.complete(newest, draft);
      log.info('layout proposed', { version: plan.version, reason: plan.reason });
      await world.agreed(await world.agree(newest, plan, stop.signal));
      failures = 0;
    } catch (error) {
      const random = (): number => runtime.chance.random();
      notBeforeMs =
        runtime.clock.monotonicMs() +
        backoffMs(failures++, { baseMs: retryBaseMs, capMs: retryCapMs, random });
      if (!stop.signal.aborted)
        log.warn('layout not agreed', { version: newest.version + 1, error: asShoalError(error).message });
    } finally {
      isBusy = false;
    }
  };

  return {
    look(newest: Layout, draft: LayoutDraft | undefined): void {
      if (!draft) {
        wanted = undefined;
        return;
      }
      const now = runtime.clock.monotonicMs();
      if (isMyTurn(newest, draft, now) && !isBusy && now >= notBeforeMs && !stop.signal.aborted)
        void propose(newest, draft);
    },
    stop: (): void => stop.abort(),
  };
};
