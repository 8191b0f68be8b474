/** When this page's host stops answering: say so, and lead to the others, as they were when it last told of them. */
import { useEffect, useState } from 'preact/hooks';
import type { Host } from '../../../proto/rest/cluster/host.ts';
import { callJson } from './call.ts';
import { html } from './html.ts';
import { useLive } from './live.ts';
import { isReached, onReach } from './reach.ts';
import { isAdmin, type Session } from './session.ts';

const everyMs = 15_000;
const storageKey = 'shoal.neighbours';

interface Neighbour {
  readonly name: string;
  readonly url: string;
}

const remember = (hosts: readonly Host[]): void =>
  sessionStorage.setItem(
    storageKey,
    JSON.stringify(
      hosts
        .filter((host) => !host.self && host.state === 'alive')
        .map((host): Neighbour => ({ name: host.name, url: `${host.apiUrl}/` })),
    ),
  );

const remembered = (): Neighbour[] => JSON.parse(sessionStorage.getItem(storageKey) ?? '[]') as Neighbour[];

/** The list of hosts is the admins' to see; others are told that there are some. */
export const useNeighbours = (session: Session): void => {
  useLive(
    async (signal) => {
      if (!isAdmin(session)) return;
      remember((await callJson<{ hosts: Host[] }>(session, 'cluster', 'GET', '/v1/hosts', { signal })).hosts);
    },
    everyMs,
    [session],
  );
};

/** Over the page rather than in it: nothing moves when it comes and goes. */
export const Away = () => {
  const [here, setHere] = useState(isReached);
  useEffect(() => onReach(() => setHere(isReached())), []);
  if (here) return null;
  const others = remembered();
  return html`<aside class="away" role="alert">
    <p><strong>This host does not answer.</strong> What you see may be old; the page goes on when the host is back.</p>
    ${
      others.length > 0
        ? html`<p>The cloud goes on without it. The same panel, where you log in again:
            ${others.map(({ name, url }) => html` <a key=${url} href=${url + location.hash}>${name}</a>`)}</p>`
        : html`<p>Every other host of the cloud serves the same panel, if there is one: whoever runs the cloud knows their addresses.</p>`
    }
  </aside>`;
};
