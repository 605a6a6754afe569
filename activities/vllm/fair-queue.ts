/** Where an item stands in a {@link FairQueue}. */
export interface QueuePlace {
  /** Whose item it is; groups are served in turn. */
  readonly group: string;
  /** Goes before those of its group that are not urgent. */
  readonly urgent?: boolean;
  /** Every second turn is that of the group with the lowest order; groups without one only have theirs in turn. */
  readonly order?: number;
}

interface Group<Item> {
  readonly urgent: Set<Item>;
  readonly others: Set<Item>;
  readonly order: number;
}

/**
 * A queue that serves its groups in turn, and the items of one group in the order they came, urgent ones first: a shard
 * that has put thousands of requests in does not hold up one that puts in its first.
 *
 * Every second turn goes to the group of the lowest order. Shards that began together and are served alike would end
 * together, and servers would idle while the last answers of all of them are awaited; so one ends after another, and
 * there is always work of the others.
 */
export class FairQueue<Item> {
  /** In the order of their turns. */
  readonly #groups = new Map<string, Group<Item>>();
  #favours = false;

  /** Items in the queue. */
  get size(): number {
    let size = 0;
    for (const { urgent, others } of this.#groups.values()) size += urgent.size + others.size;
    return size;
  }

  push({ group, urgent = false, order = Infinity }: QueuePlace, item: Item): void {
    const items = this.#groups.get(group) ?? { urgent: new Set(), others: new Set(), order };
    (urgent ? items.urgent : items.others).add(item);
    this.#groups.set(group, items);
  }

  /** The item whose turn it is, left in the queue. */
  peek(): Item | undefined {
    const group = this.#groups.get(this.#turn() ?? '');
    return group === undefined ? undefined : first(group);
  }

  /** Takes the item whose turn it is; its group goes to the end of the line. */
  shift(): Item | undefined {
    const name = this.#turn();
    if (name === undefined) return undefined;
    const group = this.#groups.get(name);
    const item = group === undefined ? undefined : first(group);
    if (group === undefined || item === undefined) return undefined;
    this.#favours = !this.#favours;
    this.#groups.delete(name);
    group.urgent.delete(item);
    group.others.delete(item);
    if (group.urgent.size + group.others.size > 0) this.#groups.set(name, group);
    return item;
  }

  /** Takes an item out of turn; false when it is not there. */
  remove(group: string, item: Item): boolean {
    const items = this.#groups.get(group);
    if (items === undefined) return false;
    const removed = items.urgent.delete(item) || items.others.delete(item);
    if (items.urgent.size + items.others.size === 0) this.#groups.delete(group);
    return removed;
  }

  /** The group whose turn it is. */
  #turn(): string | undefined {
    const [next] = this.#groups.keys();
    if (!this.#favours) return next;
    let lowest = next;
    let order = Infinity;
    for (const [name, group] of this.#groups) {
      if (group.order < order) {
        lowest = name;
        order = group.order;
      }
    }
    return lowest;
  }
}

function first<Item>({ urgent, others }: Group<Item>): Item | undefined {
  return (urgent.size > 0 ? urgent : others).values().next().value;
}
