// The moment that is pointed at, shared by all plots: what happened to one is seen in the others.

const watchers = [];
let pointed = null;

export const pointedAt = () => pointed;

export const onPointed = (watcher) => watchers.push(watcher);

export function pointAt(at) {
  if (at === pointed) return;
  pointed = at;
  for (const watcher of watchers) watcher();
}
