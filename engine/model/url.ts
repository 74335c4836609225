/** What stands in place of a secret. */
const HIDDEN = '***';

/**
 * A URL, or what was meant as one, as it may be shown: without user, password and token, and without query and fragment, which may hold
 * such too. It may be malformed in any way.
 */
export function maskUrl(url: string): string {
  const [scheme = ''] = /^[a-z][a-z0-9+.-]*:\/*/i.exec(url) ?? [];
  // Without slashes, what stands in front of the colon may be a user.
  const start = scheme.endsWith('/') ? scheme : '';
  const rest = url.slice(start.length);
  const at = rest.lastIndexOf('@');
  const query = rest.search(/[?#;]/);
  // Where both are there, nobody knows where the password ends.
  if (at >= 0 && query >= 0) return `${start}${HIDDEN}`;
  if (at >= 0) return `${start}${HIDDEN}${rest.slice(at)}`;
  if (query >= 0) return `${start}${rest.slice(0, query + 1)}${HIDDEN}`;
  return `${start}${maskPort(rest)}`;
}

/** What stands where a port should be, and is none, may be the password of a login whose host was forgotten. */
function maskPort(rest: string): string {
  const [, host, port] = /^([^/:]*):([^/]*)/.exec(rest) ?? [];
  const isPort = port === undefined || /^\d*$/.test(port);
  // IPv6 without its brackets.
  const isAddress = port?.includes(':') === true && /^[0-9a-f:.]*$/i.test(port);
  return isPort || isAddress || rest.startsWith('[') ? rest : `${host}:${HIDDEN}`;
}

/** Whether a URL has a user, a password or a token in front of its host; it may be malformed. */
export function hasUserinfo(url: string): boolean {
  return url.includes('@');
}

/** A text of any kind as it may be shown: masked where it looks like a URL or a login. */
export function maskText(text: string): string {
  return /:\/|:.*@/s.test(text) ? maskUrl(text) : text;
}
