const STORE = "blanks";

function answered(request) {
    return new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
}

/**
 * The blanks of this browser, in a database of their own.
 *
 * Each change reads and writes in one transaction of that database, and these follow each other
 * in whichever tab they begin: so two tabs never take the same blank. A change is on the disk when
 * it returns.
 *
 * A row is what the server told of the blank, and `state`: `left`; `taken` for the order and line
 * of these uuids, maybe `printed`; `spoiled`, until the server knows.
 */
export class BlankStore {
    constructor(name) {
        this.name = name;
    }

    async open() {
        const request = indexedDB.open(this.name, 1);
        request.onupgradeneeded = () => request.result.createObjectStore(STORE, { keyPath: "id" });
        this.db = await answered(request);
        // another tab may remove the database
        this.db.onversionchange = () => this.db.close();
        return this;
    }

    close() {
        this.db.close();
    }

    all() {
        return this._change((rows) => rows);
    }

    /**
     * @param {Object[]} blanks what is new here
     * @param {number[]} gone ids that must not be sold any more
     * @returns {Promise<Object[]>} all rows
     */
    merge(blanks, gone) {
        return this._change((rows, store) => {
            const known = new Map(rows.map((row) => [row.id, row]));
            for (const id of gone) {
                // what an order that is still to be sent was sold with stays until it is sent
                if (known.has(id) && known.get(id).state !== "taken") {
                    known.delete(id);
                    store.delete(id);
                }
            }
            for (const blank of blanks) {
                if (!known.has(blank.id)) {
                    const row = { ...blank, state: "left" };
                    known.set(row.id, row);
                    store.put(row);
                }
            }
            return [...known.values()];
        });
    }

    /**
     * Take blanks for an order, all that it wants or none. Asked again for the same order, for
     * instance after the page was killed, it gives the same ones.
     *
     * @param {string} order uuid
     * @param {Object[]} wants `{line, product, date, count}`: uuid of the line, id of the product,
     *     day of the visit or null
     * @param {string} now UTC, as the server writes it
     * @returns {Promise<Map<string, Object[]>|null>} rows by uuid of the line; null: too few
     */
    take(order, wants, now) {
        return this._change((rows, store) => {
            const free = rows
                .filter(
                    (row) =>
                        (row.state === "left" && row.until > now) ||
                        (row.state === "taken" && row.order === order)
                )
                // what the order has goes first
                .sort((a, b) => (a.state < b.state) - (a.state > b.state) || a.number - b.number);
            const used = new Set();
            const result = new Map();
            for (const { line, product, date, count } of wants) {
                const mine = free
                    .filter(
                        (row) =>
                            !used.has(row.id) &&
                            row.product_id === product &&
                            (row.visit_date || null) === date
                    )
                    .slice(0, count);
                if (mine.length < count) {
                    return null;
                }
                mine.forEach((row) => used.add(row.id));
                result.set(line, mine);
            }
            for (const [line, mine] of result) {
                for (const row of mine) {
                    Object.assign(row, { state: "taken", order, line });
                    store.put(row);
                }
            }
            this._free(
                free.filter((row) => row.state === "taken" && !used.has(row.id)),
                store
            );
            return result;
        });
    }

    /** Remember, before it happens, that the blanks of an order are printed. */
    markPrinted(order) {
        return this._change((rows, store) => {
            for (const row of rows.filter((blank) => blank.order === order)) {
                store.put({ ...row, printed: true });
            }
        });
    }

    /** An order was given up: what was not printed is left, the rest is spoiled. */
    release(order) {
        return this._change((rows, store) => {
            this._free(
                rows.filter((row) => row.state === "taken" && row.order === order),
                store
            );
            return rows;
        });
    }

    /** The server has the orders: their blanks are tickets now. */
    settle(orders) {
        return this._change((rows, store) => {
            const [sold, others] = [[], []];
            rows.forEach((row) => (orders.includes(row.order) ? sold : others).push(row));
            sold.forEach((row) => store.delete(row.id));
            return others;
        });
    }

    clear() {
        return this._change((rows, store) => void store.clear());
    }

    _free(rows, store) {
        for (const row of rows) {
            Object.assign(row, {
                state: row.printed ? "spoiled" : "left",
                order: null,
                line: null,
            });
            store.put(row);
        }
    }

    async _change(act) {
        const transaction = this.db.transaction(STORE, "readwrite", { durability: "strict" });
        const store = transaction.objectStore(STORE);
        const finished = new Promise((resolve, reject) => {
            transaction.oncomplete = resolve;
            transaction.onabort = () => reject(transaction.error);
        });
        const result = act(await answered(store.getAll()), store);
        await finished;
        return result;
    }
}
