// NewestMap: a map in which what was set last is the last, and which has so many entries at most.

/**
 * Sets a value as the newest of the map.
 * @returns the oldest entry, which was dropped when there were more than `most`.
 */
export function setNewest<Key, Value>(
  map: Map<Key, Value>,
  key: Key,
  value: Value,
  most: number,
): [key: Key, value: Value] | undefined {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map;
  if (oldest === undefined || map.size <= most) return undefined;
  map.delete(oldest[0]);
  return oldest;
}
