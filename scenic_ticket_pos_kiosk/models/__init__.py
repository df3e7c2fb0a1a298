from . import (
    ir_http,
    pos_config,
    pos_config_collect,
    pos_order,
    pos_order_line,
    product_template,
)
