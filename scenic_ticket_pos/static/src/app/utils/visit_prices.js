/**
 * What a ticket costs on the day of its visit, as pos.config.scenic_prices tells it: for each price
 * list (0: none) from how many persons on which price holds.
 */

let deciding = null;

/** Let these prices, not the rules of today, decide while something is computed. */
export function pricedBy(prices, compute) {
    const before = deciding;
    deciding = prices;
    try {
        return compute();
    } finally {
        deciding = before;
    }
}

/** The prices that decide at this moment; null: the rules of today do. */
export function decidingPrices() {
    return deciding;
}

/** @returns {number|undefined} what one of so many persons pays; undefined: nobody told */
export function visitPrice(prices, pricelist, persons) {
    const steps = prices?.[pricelist?.id || 0];
    return steps?.findLast(([from], index) => !index || from <= persons)?.[1];
}
