import { Component } from "@odoo/owl";

/** The hand-over sheet, narrow enough for a strip of paper; see scenic.shift._sections. */
export class ShiftSheet extends Component {
    static template = "scenic_ticket_pos.ShiftSheet";
    static props = { sections: Array, money: Function };

    /**
     * @returns {{title: string | false, isTotal: boolean, values: Object[]}[]} the rows of one
     *     table: what has two cells is one line, of what has more each cell is a line of its own
     */
    rows({ columns, rows, total }) {
        return [...rows, ...(total ? [total] : [])].map((cells, index) => ({
            title: cells.length > 2 && cells[0],
            isTotal: index === rows.length,
            values: columns
                .map(({ label, type }, at) => ({
                    label: label || cells[0],
                    text: type === "money" ? this.moneyText(cells[at]) : cells[at],
                }))
                .slice(1)
                .filter(({ text }) => text !== null),
        }));
    }

    moneyText(cell) {
        return cell === null ? null : this.props.money(cell);
    }
}

/** What the receipt printer gets when a shift is handed over. */
export class ShiftReceipt extends Component {
    static template = "scenic_ticket_pos.ShiftReceipt";
    static components = { ShiftSheet };
    static props = { sections: Array, money: Function };
}
