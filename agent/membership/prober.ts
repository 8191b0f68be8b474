/**
 * One probe at a time, SWIM's failure detector:
 *
 *   tick          direct timeout, or refused          next tick, or all helpers said no
 *    | ping target --> no ack --> | k x relay --> no ack -----------> | failed: suspect it
 *    +----------------------------+-- ack at any time ----------------+ good
 *
 * A helper pings for the asker and says `nack` when the target stays silent for it too: an asker that hears
 * neither ack nor nack learns that the trouble is its own (Lifeguard).
 */
import type { HostId } from '../../proto/ids.ts';
import type { HostPool } from './host-pool.ts';
import type { LocalHealth } from './local-health.ts';
import type { SwimSettings } from './settings.ts';
import type { SwimRuntime } from './swim-runtime.ts';

interface Probe {
  readonly number: number;
  readonly target: HostId;
  helpers: number;
  nacks: number;
  asked: boolean;
  acked: boolean;
}

/** Probes relayed for others at one time: hundreds of askers at once mean that this host should not help more. */
const relaysMax = 1_000;

export interface ProberWorld {
  readonly settings: SwimSettings;
  readonly reachable: HostPool;
  readonly health: LocalHealth;
  send(
    to: HostId,
    message:
      | { readonly kind: 'ping' | 'ack' | 'nack'; readonly probe: number }
      | { readonly kind: 'relay'; readonly probe: number; readonly target: HostId },
    runtime: SwimRuntime,
  ): void;
  /** The probe of this host failed. */
  failed(target: HostId, runtime: SwimRuntime): void;
}

export const prober = (world: ProberWorld) => {
  const { settings, reachable, health } = world;
  const relays = new Map<
    number,
    { readonly asker: HostId; readonly probe: number; readonly target: HostId }
  >();
  let numbers = 0;
  let current: Probe | undefined;

  const finish = (runtime: SwimRuntime): void => {
    const probe = current;
    current = undefined;
    if (!probe || probe.acked) return;
    health.note(probe.helpers > 0 ? probe.helpers - probe.nacks : 1);
    if (reachable.has(probe.target)) world.failed(probe.target, runtime);
  };

  /** Nobody is left who could still answer well. */
  const finishIfHopeless = (probe: Probe, runtime: SwimRuntime): void => {
    if (probe.asked && probe.nacks >= probe.helpers) finish(runtime);
  };

  const askHelpers = (probe: Probe, runtime: SwimRuntime): void => {
    if (probe.asked || probe.acked) return;
    probe.asked = true;
    const helpers = reachable.pick(settings.indirectProbes, () => runtime.random(), probe.target);
    probe.helpers = helpers.length;
    for (const helper of helpers)
      world.send(helper, { kind: 'relay', probe: probe.number, target: probe.target }, runtime);
  };

  const endRelay = (number: number, kind: 'ack' | 'nack', runtime: SwimRuntime): void => {
    const relay = relays.get(number);
    if (!relay) return;
    relays.delete(number);
    world.send(relay.asker, { kind, probe: relay.probe }, runtime);
  };

  return {
    /** Ends the probe under way and begins the next. */
    tick(runtime: SwimRuntime): void {
      finish(runtime);
      const target = reachable.next(() => runtime.random());
      if (target === undefined) return;
      const number = ++numbers;
      current = { number, target, helpers: 0, nacks: 0, asked: false, acked: false };
      world.send(target, { kind: 'ping', probe: number }, runtime);
      const timeoutMs = health.scale(settings.probeTimeoutMs);
      runtime.after(timeoutMs, { kind: 'direct', probe: number, dueMs: runtime.nowMs() + timeoutMs });
    },

    handleDirectTimeout(number: number, runtime: SwimRuntime): void {
      if (current?.number === number) askHelpers(current, runtime);
    },

    handleRelayTimeout: (number: number, runtime: SwimRuntime): void => endRelay(number, 'nack', runtime),

    handlePing: (from: HostId, number: number, runtime: SwimRuntime): void =>
      world.send(from, { kind: 'ack', probe: number }, runtime),

    /** `from` asks this host to probe `target` in its place. */
    handleRelay(from: HostId, number: number, target: HostId, runtime: SwimRuntime): void {
      if (relays.size >= relaysMax) return;
      const own = ++numbers;
      relays.set(own, { asker: from, probe: number, target });
      world.send(target, { kind: 'ping', probe: own }, runtime);
      runtime.after(settings.probeTimeoutMs, { kind: 'relay', probe: own });
    },

    handleAck(from: HostId, number: number, runtime: SwimRuntime): void {
      if (relays.get(number)?.target === from) {
        endRelay(number, 'ack', runtime);
        return;
      }
      // A relayed ack comes from a helper: only the number counts, and helpers are on the roster.
      if (current?.number !== number || current.acked) return;
      current.acked = true;
      health.note(-1);
    },

    handleNack(number: number, runtime: SwimRuntime): void {
      if (current?.number !== number || current.acked) return;
      current.nacks++;
      finishIfHopeless(current, runtime);
    },

    /** The transport says that nobody listens there: no need to wait for the timeout. */
    handleUnreachable(host: HostId, runtime: SwimRuntime): void {
      for (const [number, relay] of relays) if (relay.target === host) endRelay(number, 'nack', runtime);
      if (current?.target !== host || current.acked) return;
      askHelpers(current, runtime);
      finishIfHopeless(current, runtime);
    },
  };
};
