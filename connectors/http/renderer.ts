/**
 * Renders a text at most once in `everyMs`. All requests in between wait for the next rendering and share it, so no text is older than the
 * request for it.
 */
export function createRenderer(render: () => Promise<string>, everyMs: number): () => Promise<string> {
  let next: Promise<string> | undefined;
  let renderedAt = Number.NEGATIVE_INFINITY;
  const renderNext = async () => {
    const waitMs = Math.max(0, renderedAt + everyMs - performance.now());
    await new Promise<void>((resolve) => void setTimeout(resolve, waitMs).unref());
    // Requests from here on get the rendering after this one.
    next = undefined;
    renderedAt = performance.now();
    return render();
  };
  return () => (next ??= renderNext());
}
