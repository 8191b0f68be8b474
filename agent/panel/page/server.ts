/** One server: what it is, what it says on its console. */
import { useLayoutEffect, useRef } from 'preact/hooks';
import { useAct } from './act.ts';
import { callJson, Refusal } from './call.ts';
import { addressesOf, type Flavor, Power, type Server, taskOf } from './compute.ts';
import { html } from './html.ts';
import { useLive } from './live.ts';
import { Facts, Problem, Show, State, Time } from './parts.ts';
import { isAdmin, type Session } from './session.ts';

const everyMs = 2_000;
const consoleLines = 500;

/** Colours and cursor jumps (ECMA-48) mean nothing in a log. */
const escapes = new RegExp(`${String.fromCharCode(27)}(?:\\[[0-?]*[ -/]*[@-~]|[@-Z^_])`, 'g');
const readable = (output: string): string => output.replace(escapes, '').replace(/\r+\n/g, '\n');

const Console = ({ session, id }: { readonly session: Session; readonly id: string }) => {
  const live = useLive(
    async (signal) => {
      const json = { 'os-getConsoleOutput': { length: consoleLines } };
      const path = `/v2.1/servers/${id}/action`;
      try {
        return readable(
          (await callJson<{ output: string }>(session, 'compute', 'POST', path, { json, signal })).output,
        );
      } catch (error) {
        // Not built yet, or the log is at a host that is away: the status above says which.
        if (error instanceof Refusal && [404, 409].includes(error.status)) return '';
        throw error;
      }
    },
    everyMs,
    [session, id],
  );
  // The newest line stays in sight for whoever looks at the end, and who scrolled up stays there.
  const box = useRef<HTMLPreElement>(null);
  const atEnd = useRef(true);
  useLayoutEffect(() => {
    if (box.current && atEnd.current) box.current.scrollTop = box.current.scrollHeight;
  }, [live.value]);
  const scrolled = (event: Event): void => {
    const { scrollHeight, scrollTop, clientHeight } = event.currentTarget as HTMLPreElement;
    atEnd.current = scrollHeight - scrollTop - clientHeight < 8;
  };
  return html`<section>
    <h2>Console</h2>
    <${Problem} error=${live.error} />
    <pre class="console" tabindex="0" aria-label="Console log" ref=${box} onScroll=${scrolled}>${live.value || 'Nothing was written yet.'}</pre>
  </section>`;
};

interface Known {
  readonly server: Server;
  readonly flavor: string;
  readonly image: string;
}

/** The names of flavor and image; both may be deleted while the server stays. */
const nameOf = async (ask: Promise<string>, id: string): Promise<string> =>
  ask.catch((error) => {
    if (error instanceof Refusal && error.status === 404) return `${id} (deleted)`;
    throw error;
  });

const ask = async (session: Session, id: string, signal: AbortSignal): Promise<Known> => {
  const { server } = await callJson<{ server: Server }>(session, 'compute', 'GET', `/v2.1/servers/${id}`, {
    signal,
  });
  const image = server.image === '' ? '' : server.image.id;
  const [flavorName, imageName] = await Promise.all([
    nameOf(
      callJson<{ flavor: Flavor }>(session, 'compute', 'GET', `/v2.1/flavors/${server.flavor.id}`, {
        signal,
      }).then(({ flavor: { name, ram, vcpus } }) => `${name}: ${ram} MiB, ${vcpus} vCPU`),
      server.flavor.id,
    ),
    image &&
      nameOf(
        callJson<{ name: string }>(session, 'image', 'GET', `/v2/images/${image}`, { signal }).then(
          ({ name }) => name || image,
        ),
        image,
      ),
  ]);
  return { server, flavor: flavorName, image: imageName };
};

export const ServerPage = ({ session, id }: { readonly session: Session; readonly id: string }) => {
  const live = useLive((signal) => ask(session, encodeURIComponent(id), signal), everyMs, [session, id]);
  const { error, busy, act } = useAct(live.again);
  const leave = (): void => {
    location.hash = '#/servers';
  };
  return html`
    <h1><a href="#/servers">Servers</a> / ${live.value?.server.name ?? '…'}</h1>
    <${Problem} error=${error} />
    <${Show} live=${live}>
      ${({ server, flavor, image }: Known) => html`
        <${Power} session=${session} server=${server} act=${act} busy=${busy} deleted=${leave} />
        <${Facts} facts=${{
          Status: html`<${State} word=${server.status} /> <small>${taskOf(server)}</small>`,
          Image: image || '–',
          Flavor: flavor,
          Key: server.key_name ?? 'none',
          Addresses: addressesOf(server),
          ...(isAdmin(session) && { Host: server['OS-EXT-SRV-ATTR:host'] ?? '–' }),
          Created: html`<${Time} at=${new Date(server.created)} />`,
          Id: html`<code>${server.id}</code>`,
        }} />
        <${Console} session=${session} id=${server.id} />
      `}
    <//>
  `;
};
