/**
 * A queue that serves its groups in turn, and the items of one group in the order they came: a shard that has put
 * thousands of requests in does not hold up one that puts in its first.
 */
export class FairQueue<Item> {
  readonly #groups = new Map<string, Set<Item>>();

  /** Items in the queue. */
  get size(): number {
    let size = 0;
    for (const items of this.#groups.values()) size += items.size;
    return size;
  }

  push(group: string, item: Item): void {
    const items = this.#groups.get(group);
    if (items === undefined) this.#groups.set(group, new Set([item]));
    else items.add(item);
  }

  /** The item whose turn it is, left in the queue. */
  peek(): Item | undefined {
    const [items] = this.#groups.values();
    return items?.values().next().value;
  }

  /** Takes the item whose turn it is; its group goes to the end of the line. */
  shift(): Item | undefined {
    const [first] = this.#groups;
    if (first === undefined) return undefined;
    const [group, items] = first;
    const [item] = items;
    this.#groups.delete(group);
    if (item !== undefined) items.delete(item);
    if (items.size > 0) this.#groups.set(group, items);
    return item;
  }

  /** Takes an item out of turn; false when it is not there. */
  remove(group: string, item: Item): boolean {
    const items = this.#groups.get(group);
    const removed = items?.delete(item) ?? false;
    if (items?.size === 0) this.#groups.delete(group);
    return removed;
  }
}
