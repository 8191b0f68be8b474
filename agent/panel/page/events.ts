/** The event stream: what was done, by whom, on every host; it grows by itself. */
import { useEffect, useState } from 'preact/hooks';
import type { Event as Happening } from '../../../proto/rest/cluster/event.ts';
import type { Host } from '../../../proto/rest/cluster/host.ts';
import { callJson } from './call.ts';
import { html } from './html.ts';
import { useLive } from './live.ts';
import { type Column, Problem, State, Table, Time } from './parts.ts';
import type { Session } from './session.ts';

const waitSeconds = 20;
/** The wait, and then some for the answer. */
const answerMs = 2 * waitSeconds * 1_000;
const retryMs = 2_000;
const hostsEveryMs = 30_000;
/** Newest first; older ones fall off the page (the command has them all). */
const shownMax = 500;

interface EventsPage {
  readonly events: readonly Happening[];
  readonly next: string;
}

const follow = async (
  session: Session,
  signal: AbortSignal,
  take: (events: readonly Happening[]) => void,
  fail: (error: Error | undefined) => void,
): Promise<void> => {
  let next: string | undefined;
  while (!signal.aborted) {
    try {
      const query: Record<string, string> =
        next === undefined ? { limit: '200' } : { after: next, waitSeconds: String(waitSeconds) };
      const options = { query, signal, answerMs };
      const page = await callJson<EventsPage>(session, 'cluster', 'GET', '/v1/events', options);
      next = page.next;
      take(page.events);
      fail(undefined);
    } catch (error) {
      if (signal.aborted) return;
      fail(error as Error);
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
};

/** An account is named after its project's id, which tells people nothing. */
const targetOf = (event: Happening): string => event.target.replace(/^AUTH_[0-9a-f]+\//, '');

const columns = (nameOf: (hostId: string) => string): readonly Column<Happening>[] => [
  { title: 'Action', kind: 'medium', cell: (event) => html`<strong>${event.action}</strong>` },
  {
    title: 'Target',
    cell: (event) => html`<span class="long" title=${event.target}>${targetOf(event)}</span>`,
  },
  { title: 'Outcome', kind: 'short', cell: (event) => html`<${State} word=${event.outcome} />` },
  { title: 'By', kind: 'short', cell: (event) => event.actor?.userName ?? 'agent' },
  { title: 'Host', kind: 'short', cell: (event) => nameOf(event.host) },
  { title: 'Time', kind: 'medium', cell: (event) => html`<${Time} at=${new Date(event.atMs)} />` },
];

export const Events = ({ session }: { readonly session: Session }) => {
  const [events, setEvents] = useState<readonly Happening[]>();
  const [error, setError] = useState<Error>();
  const [filter, setFilter] = useState('');
  const [logIns, setLogIns] = useState(false);
  const hosts = useLive(
    (signal) => callJson<{ hosts: Host[] }>(session, 'cluster', 'GET', '/v1/hosts', { signal }),
    hostsEveryMs,
    [session],
  );
  const nameOf = (hostId: string): string =>
    hosts.value?.hosts.find((host) => host.hostId === hostId)?.name ?? `…${hostId.slice(-6)}`;
  useEffect(() => {
    const stop = new AbortController();
    const take = (fresh: readonly Happening[]): void =>
      setEvents((known = []) => [...fresh.toReversed(), ...known].slice(0, shownMax));
    void follow(session, stop.signal, take, setError);
    return () => stop.abort();
  }, [session]);
  const shown = events?.filter(
    (event) =>
      (logIns || !event.action.startsWith('token.')) &&
      [event.action, event.target, event.actor?.userName, nameOf(event.host)].some((text) =>
        text?.toLowerCase().includes(filter.toLowerCase()),
      ),
  );
  return html`
    <h1>Events</h1>
    <div class="card fields">
      <label>Only with <input type="search" value=${filter} placeholder="server, nemo, …" onInput=${(event: InputEvent) => setFilter((event.currentTarget as HTMLInputElement).value)} /></label>
      <label class="check"><input type="checkbox" checked=${logIns} onChange=${() => setLogIns(!logIns)} /> Log-ins too</label>
    </div>
    <${Problem} error=${error} />
    ${
      shown
        ? html`<${Table} caption="Newest first, as they happen" rows=${shown} columns=${columns(nameOf)} rowKey=${(event: Happening) => `${event.host}/${event.sequence}`} empty=${filter ? 'Nothing here has these words.' : html`<strong>Nothing has happened yet.</strong> Every change that anyone makes appears here by itself.`} />`
        : !error && html`<p class="waiting" aria-busy="true">Asking the cluster …</p>`
    }
  `;
};
