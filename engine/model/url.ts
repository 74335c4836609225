/** The text that replaces a secret. */
const HIDDEN = '***';

/**
 * A URL that is safe to show: without user, password and token, and without query and fragment, which may hold secrets too. The URL may be
 * malformed in any way.
 */
export function maskUrl(url: string): string {
  const [scheme = ''] = /^[a-z][a-z0-9+.-]*:\/*/i.exec(url) ?? [];
  // Without slashes, the text before the colon may be a user.
  const start = scheme.endsWith('/') ? scheme : '';
  const rest = url.slice(start.length);
  const at = rest.lastIndexOf('@');
  const query = rest.search(/[?#;]/);
  // With both, the end of the password is unknown.
  if (at >= 0 && query >= 0) return `${start}${HIDDEN}`;
  if (at >= 0) return `${start}${HIDDEN}${rest.slice(at)}`;
  if (query >= 0) return `${start}${rest.slice(0, query + 1)}${HIDDEN}`;
  return `${start}${maskPort(rest)}`;
}

/** Masks the text at the place of a port if it is no port: it may be the password of a login without a host. */
function maskPort(rest: string): string {
  const [, host, port] = /^([^/:]*):([^/]*)/.exec(rest) ?? [];
  const isPort = port === undefined || /^\d*$/.test(port);
  // An IPv6 address without its brackets.
  const isAddress = port?.includes(':') === true && /^[0-9a-f:.]*$/i.test(port);
  return isPort || isAddress || rest.startsWith('[') ? rest : `${host}:${HIDDEN}`;
}

/** Whether a URL has a user, a password or a token before its host. The URL may be malformed. */
export function hasUserinfo(url: string): boolean {
  return url.includes('@');
}

/** Any text, safe to show: it is masked if it looks like a URL or a login. */
export function maskText(text: string): string {
  return /:\/|:.*@/s.test(text) ? maskUrl(text) : text;
}
