/** Log in with the cloud's own users. */
import { fieldsOf, useAct } from './act.ts';
import { html } from './html.ts';
import { Problem } from './parts.ts';
import { logIn, type Session } from './session.ts';

export const Login = ({
  notice,
  entered,
}: {
  readonly notice: string | undefined;
  readonly entered: (session: Session) => void;
}) => {
  const { error, busy, act } = useAct();
  const submit = (event: SubmitEvent): void => {
    const field = fieldsOf(event);
    const password = (event.currentTarget as HTMLFormElement).password as HTMLInputElement;
    act(async () => entered(await logIn(field('user'), field('domain'), password.value)));
  };
  return html`<main class="login">
    <h1><img src="/panel/page/icon.svg" alt="" width="40" height="40" /> shoal</h1>
    <form class="card" onSubmit=${submit}>
      ${notice && !error && html`<p role="status">${notice}</p>`}
      <label>User <input name="user" autocomplete="username" autocapitalize="none" spellcheck=${false} required autofocus /></label>
      <label>Password <input name="password" type="password" autocomplete="current-password" required /></label>
      <label>Domain <input name="domain" value="Default" required /></label>
      <${Problem} error=${error} />
      <button disabled=${busy}>${busy ? 'Logging in …' : 'Log in'}</button>
    </form>
  </main>`;
};
