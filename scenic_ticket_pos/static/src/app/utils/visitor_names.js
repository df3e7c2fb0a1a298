import { _t } from "@web/core/l10n/translation";

/** Kinds of documents, as scenic.visitor knows them. */
export function documentKinds() {
    return [
        ["cn_id", _t("Resident Identity Card")],
        ["gat_residence", _t("Residence Permit of Hong Kong, Macao or Taiwan")],
        ["hk_macau_permit", _t("Travel Permit of Hong Kong or Macao")],
        ["taiwan_permit", _t("Travel Permit of Taiwan")],
        ["foreign_pr", _t("Foreign Permanent Resident ID")],
        ["passport", _t("Passport")],
    ];
}

/**
 * How many persons the sale wants named, line by line.
 *
 * A group may complete its roster until the gate. Where one person stands for the order, anybody
 * named on it will do.
 *
 * @param {Object[]} lines order lines
 * @returns {Map<Object, number>} only lines that need somebody
 */
export function namesNeeded(lines) {
    const needed = new Map();
    // the holder of a card that is renewed is known
    const sold = lines.filter(
        (line) =>
            line.isScenicTicket &&
            !line.isScenicChange &&
            line.qty > 0 &&
            !line.scenic_membership_id
    );
    for (const line of sold) {
        const template = line.product_id.product_tmpl_id;
        if (template.scenic_real_name === "visitor" && template.scenic_ticket_kind !== "group") {
            needed.set(line, line.qty);
        }
    }
    const forAll = sold.find(
        (line) => line.product_id.product_tmpl_id.scenic_real_name === "order"
    );
    if (forAll && !needed.size) {
        needed.set(forAll, 1);
    }
    return needed;
}

/** The first of the two machine readable lines of a passport: the reader sends the other one now. */
export function isHalfPassport(text) {
    return /^P[A-Z<][A-Z0-9<]{42}$/.test(text.trim().toUpperCase());
}
