from . import dispatcher, gate_api
