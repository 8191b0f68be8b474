/** The event stream: what was done, by whom, on every host; it grows by itself. */
import { useEffect, useState } from 'preact/hooks';
import type { Event } from '../../../proto/rest/cluster.ts';
import { html } from './html.ts';
import { type Column, Problem, State, Table } from './parts.ts';
import { callJson, type Session } from './session.ts';

const waitSeconds = '20';
const retryMs = 2_000;
/** Newest first; older ones fall off the page (the command has them all). */
const shownMax = 200;

interface Page {
  readonly events: readonly Event[];
  readonly next: string;
}

const columns: readonly Column<Event>[] = [
  {
    title: 'Time',
    cell: (event) =>
      html`<time datetime=${new Date(event.atMs).toISOString()}>${new Date(event.atMs).toLocaleTimeString()}</time>`,
  },
  { title: 'Action', cell: (event) => event.action },
  { title: 'Target', cell: (event) => html`<span class="long">${event.target}</span>` },
  { title: 'By', cell: (event) => event.actor?.userName ?? 'agent' },
  { title: 'Outcome', cell: (event) => html`<${State} word=${event.outcome} />` },
  { title: 'Host', cell: (event) => html`<span title=${event.host}>…${event.host.slice(-6)}</span>` },
];

const follow = async (
  session: Session,
  signal: AbortSignal,
  take: (events: readonly Event[]) => void,
  fail: (error: Error | undefined) => void,
): Promise<void> => {
  let next: string | undefined;
  while (!signal.aborted) {
    try {
      const query = next === undefined ? { limit: '100' } : { after: next, waitSeconds };
      const page = await callJson<Page>(session, 'cluster', 'GET', '/v1/events', { query, signal });
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

export const Events = ({ session }: { readonly session: Session }) => {
  const [events, setEvents] = useState<readonly Event[]>([]);
  const [error, setError] = useState<Error>();
  useEffect(() => {
    const stop = new AbortController();
    setEvents([]);
    void follow(
      session,
      stop.signal,
      (fresh) => setEvents((known) => [...fresh.toReversed(), ...known].slice(0, shownMax)),
      setError,
    );
    return () => stop.abort();
  }, [session]);
  return html`
    <h1>Events</h1>
    <${Problem} error=${error} />
    <${Table} caption="Newest first" rows=${events} columns=${columns} rowKey=${(event: Event) => `${event.host}/${event.sequence}`} empty="Nothing has happened yet." />
  `;
};
