/**
 * Renders a text at most once in `everyMs`: whoever asks in between waits for the next one, together with all who do. So no text is older
 * than the request for it.
 */
export function createRenderer(render: () => Promise<string>, everyMs: number): () => Promise<string> {
  let next: Promise<string> | undefined;
  let renderedAt = Number.NEGATIVE_INFINITY;
  const renderNext = async () => {
    const waitMs = Math.max(0, renderedAt + everyMs - performance.now());
    await new Promise<void>((resolve) => void setTimeout(resolve, waitMs).unref());
    // Who asks from here on gets the one after this.
    next = undefined;
    renderedAt = performance.now();
    return render();
  };
  return () => (next ??= renderNext());
}
